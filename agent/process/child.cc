#include "agent/process/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/process/keeper.h"
#include "agent/process/life_lock.h"
#include "agent/process/own_children.h"
#include "agent/process/process_child.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

constexpr size_t kReadBytes = 64 << 10;
// A system that has no more descriptors to watch may have some again.
constexpr absl::Duration kWatchAgain = absl::Milliseconds(200);
constexpr int kWatchTriesMax = 15;  // Then claude is ended: nobody can hear it.

struct PipeEnds {
  ScopedFd reader, writer;
};

absl::StatusOr<PipeEnds> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe for a child");
  return PipeEnds{ScopedFd(fds[0]), ScopedFd(fds[1])};
}

void SetNonBlocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

bool IsPipe(const ScopedFd& fd) {
  struct stat info;
  return fstat(fd.get(), &info) == 0 && S_ISFIFO(info.st_mode);
}

}  // namespace

absl::Status ProcessChild::Begin(const ChildSpec& spec) {
  PipeEnds pipes[4];  // stdin, stdout, stderr, report
  for (PipeEnds& pipe : pipes) {
    absl::StatusOr<PipeEnds> made = MakePipe();
    if (!made.ok()) return made.status();
    pipe = *std::move(made);
  }
  SpawnSpec keeper{.argv = {spec.keeper_program, "keeper", spec.program, spec.cwd},
                   .env = spec.env,
                   .cwd = "/",
                   .fds = {{0, pipes[0].reader.get()},
                           {1, pipes[1].writer.get()},
                           {2, pipes[2].writer.get()},
                           {kKeeperReportFd, pipes[3].writer.get()}},
                   .new_session = true};
  keeper.argv.insert(keeper.argv.end(), spec.args.begin(), spec.args.end());
  const ScopedFd life = spec.life_file.empty() ? ScopedFd() : HoldLifeLock(spec.life_file);
  if (life) keeper.fds.emplace_back(kKeeperLifeFd, life.get());
  SetNonBlocking(pipes[3].reader.get());
  report_ = std::move(pipes[3].reader);
  // Before there is a keeper: what cannot be heard is not started.
  const absl::Status heard =
      loop_.Watch(report_.get(), {.readable = true}, [this](EventLoop::Ready) { OnReport(); });
  if (!heard.ok()) return heard;
  const absl::StatusOr<pid_t> pid = OwnChildren::Get().Start(keeper);
  if (!pid.ok()) return pid.status();
  program_ = spec.program;
  holds_life_file_ = life.valid();

  keeper_ = *pid;
  stdin_ = std::move(pipes[0].writer);
  stdout_.fd = std::move(pipes[1].reader);
  stderr_.fd = std::move(pipes[2].reader);
  for (const ScopedFd* fd : {&stdin_, &stdout_.fd, &stderr_.fd}) SetNonBlocking(fd->get());
  return absl::OkStatus();
}

bool ProcessChild::can_be_handed_over() const {
  return pid_ > 0 && !exit_known_ && !keeper_gone_ && !close_stdin_;
}

ChildHandover ProcessChild::HandOver() const {
  return {.keeper = keeper_,
          .pid = pid_,
          .start_time = start_time_,
          .stdin_fd = stdin_.get(),
          .stdout_fd = stdout_.fd.get(),
          .stderr_fd = stderr_.fd.get(),
          .report_fd = report_.get(),
          .unwritten = unwritten_.substr(written_),
          .report_text = report_text_};
}

absl::Status ProcessChild::AdoptHandover(ChildHandover handover) {
  ScopedFd in(handover.stdin_fd), out(handover.stdout_fd), err(handover.stderr_fd),
      report(handover.report_fd);
  // claude may have closed its stdout or stderr, and is a child of ours all the same.
  for (const ScopedFd* fd : {&in, &out, &err, &report}) {
    const bool must = fd == &in || fd == &report;
    if (*fd ? !IsPipe(*fd) : must) return absl::InternalError("no pipes came with the child");
    if (*fd) fcntl(fd->get(), F_SETFD, FD_CLOEXEC);
  }
  const absl::Status heard =
      loop_.Watch(report.get(), {.readable = true}, [this](EventLoop::Ready) { OnReport(); });
  if (!heard.ok()) return heard;
  keeper_ = handover.keeper;
  OwnChildren::Get().Adopt(handover.keeper);
  pid_ = handover.pid;
  start_time_ = handover.start_time;
  stdin_ = std::move(in);
  stdout_.fd = std::move(out);
  stderr_.fd = std::move(err);
  report_ = std::move(report);
  report_text_ = std::move(handover.report_text);
  WatchOutput();
  if (!handover.unwritten.empty()) Write(std::move(handover.unwritten));
  return absl::OkStatus();
}

ProcessChild::~ProcessChild() {
  if (sweep_ != 0) loop_.Cancel(sweep_);
  if (drain_ != 0) loop_.Cancel(drain_);
  loop_.Cancel(watch_again_);
  loop_.Cancel(write_again_);
  if (stdin_watched_) loop_.Unwatch(stdin_.get());
  CloseReader(stdout_.fd);
  CloseReader(stderr_.fd);
  CloseReader(report_);
  if (keeper_ == 0 || keeper_gone_) return;
  kill(keeper_, SIGTERM);
  OwnChildren::Get().Forget(keeper_);
  OwnChildren::Get().NoteOthers();  // The next sweep reaps it.
}

void ProcessChild::WatchOutput() {
  // What it says is heard after OnStarted: it may well write before the keeper has reported.
  if (pid_ == 0) return;
  for (Output* output : {&stdout_, &stderr_}) {
    if (!output->fd) continue;
    const absl::Status watched =
        loop_.Watch(output->fd.get(), {.readable = true},
                    [this, output](EventLoop::Ready) { ReadOnce(*output); });
    if (!watched.ok()) return WatchOutputLater(watched);
  }
  watch_failures_ = 0;
}

// What it says waits in its pipes meanwhile.
void ProcessChild::WatchOutputLater(const absl::Status& why) {
  loop_.Cancel(std::exchange(watch_again_, 0));
  if (++watch_failures_ >= kWatchTriesMax) {
    unheard_ = why;
    return KillAll();
  }
  watch_again_ = loop_.After(kWatchAgain, [this] {
    watch_again_ = 0;
    if (!paused_ && !exit_known_) WatchOutput();
  });
}

void ProcessChild::CloseReader(ScopedFd& fd) {
  if (!fd) return;
  loop_.Unwatch(fd.get());
  fd.Reset();
}

void ProcessChild::Write(std::string bytes) {
  if (!stdin_ || close_stdin_) return;
  if (written_ == unwritten_.size()) {
    unwritten_ = std::move(bytes);
    written_ = 0;
  } else {
    // A queue that is never empty lets go of what is written, too. Moves less than was written.
    if (written_ > unwritten_.size() / 2) unwritten_.erase(0, std::exchange(written_, 0));
    unwritten_.append(bytes);
  }
  WriteQueued();
}

void ProcessChild::CloseStdin() {
  close_stdin_ = true;
  WriteQueued();
}

void ProcessChild::WriteQueued() {
  if (!stdin_) return;
  while (written_ < unwritten_.size()) {
    const ssize_t n =
        write(stdin_.get(), unwritten_.data() + written_, unwritten_.size() - written_);
    if (n >= 0) {
      written_ += static_cast<size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) break;
    written_ = unwritten_.size();  // It closed its stdin; how it ends tells the rest.
    close_stdin_ = true;
  }
  const bool waiting = written_ < unwritten_.size();
  if (!waiting) {
    unwritten_.clear();
    unwritten_.shrink_to_fit();
    written_ = 0;
  }
  if (waiting && !stdin_watched_) {
    WatchStdin();
  } else if (!waiting && stdin_watched_) {
    loop_.Unwatch(stdin_.get());
    stdin_watched_ = false;
  }
  if (!waiting && close_stdin_) stdin_.Reset();
}

void ProcessChild::WatchStdin() {
  stdin_watched_ =
      loop_.Watch(stdin_.get(), {.writable = true}, [this](EventLoop::Ready) { WriteQueued(); })
          .ok();
  if (stdin_watched_ || write_again_ != 0) return;
  write_again_ = loop_.After(kWatchAgain, [this] {
    write_again_ = 0;
    WriteQueued();
  });
}

void ProcessChild::Signal(int signal) {
  // claude is the keeper's to reap, so its pid may be reused once it is gone.
  if (pid_ > 0 && !exit_known_ && ProcessStartTime(pid_) == start_time_) kill(pid_, signal);
}

void ProcessChild::KillAll() {
  if (!keeper_gone_) kill(keeper_, SIGTERM);  // Reaped by us alone: the pid is certain.
}

void ProcessChild::PauseOutput(bool paused) {
  if (paused_ == paused || exit_reported_) return;
  paused_ = paused;
  if (!paused && exit_known_) {
    if (drain_ == 0) drain_ = loop_.After(absl::ZeroDuration(), [this] { DrainAndReportExit(); });
  } else if (!paused) {
    WatchOutput();
  } else {
    // Not merely without interest: a hang-up would be told again and again.
    for (const Output* output : {&stdout_, &stderr_}) {
      if (output->fd) loop_.Unwatch(output->fd.get());
    }
  }
}

bool ProcessChild::ReadOnce(Output& output) {
  if (!output.fd || exit_reported_ || paused_) return false;
  char buffer[kReadBytes];
  const size_t wanted = exit_known_ ? std::min(kReadBytes, output.left) : kReadBytes;
  if (wanted == 0) return false;
  const ssize_t n = read(output.fd.get(), buffer, wanted);
  if (n > 0) {
    const absl::string_view bytes(buffer, static_cast<size_t>(n));
    if (exit_known_) output.left -= bytes.size();
    &output == &stdout_ ? sink_.OnStdout(bytes) : sink_.OnStderr(bytes);
    return true;
  }
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  CloseReader(output.fd);  // End, or broken: the same to us.
  return false;
}

absl::StatusOr<std::unique_ptr<Child>> Child::Start(EventLoop& loop, const ChildSpec& spec,
                                                    ChildSink& sink) {
  auto child = std::make_unique<ProcessChild>(loop, sink);
  if (absl::Status begun = child->Begin(spec); !begun.ok()) return begun;
  return child;
}

absl::StatusOr<std::unique_ptr<Child>> Child::Adopt(EventLoop& loop, ChildHandover handover,
                                                    ChildSink& sink) {
  auto child = std::make_unique<ProcessChild>(loop, sink);
  if (absl::Status why = child->AdoptHandover(std::move(handover)); !why.ok()) return why;
  return child;
}

}  // namespace iris
