#include "agent/process/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "agent/process/descendants.h"
#include "agent/process/keeper.h"
#include "agent/process/own_children.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kReportBytesMax = 4 << 10;
constexpr absl::Duration kSweepEvery = absl::Milliseconds(20);
constexpr int kSweepsMax = 500;

struct PipeEnds {
  ScopedFd reader, writer;
};

absl::StatusOr<PipeEnds> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe for a child");
  return PipeEnds{ScopedFd(fds[0]), ScopedFd(fds[1])};
}

// What lies unread in a pipe.
size_t BytesIn(const ScopedFd& pipe) {
  int bytes = 0;
  return pipe && ioctl(pipe.get(), FIONREAD, &bytes) == 0 ? static_cast<size_t>(bytes) : 0;
}

void SetNonBlocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

bool IsPipe(const ScopedFd& fd) {
  struct stat info;
  return fstat(fd.get(), &info) == 0 && S_ISFIFO(info.st_mode);
}

class ProcessChild final : public Child {
 public:
  ProcessChild(EventLoop& loop, ChildSink& sink) : loop_(loop), sink_(sink) {}
  ~ProcessChild() override;

  // Once. An error: there is no keeper.
  absl::Status Begin(const ChildSpec& spec);
  // Or this, once.
  absl::Status GoOn(ChildHandover handover);

  bool can_be_handed_over() const override;
  ChildHandover HandOver() const override;

  void Write(std::string bytes) override;
  void CloseStdin() override;
  void Signal(int signal) override;
  void KillAll() override;
  void PauseOutput(bool paused) override;
  pid_t keeper() const override { return keeper_; }
  pid_t pid() const override { return pid_; }
  uint64_t start_time() const override { return start_time_; }

 private:
  struct Output {
    ScopedFd fd;
    size_t left = 0;  // Once it has exited: what was in the pipe then, less what was read.
  };
  void WatchOutput();
  void OnReport();
  void OnReportLine(absl::string_view line);
  void OnKeeperGone();
  // Reads once; false when there was nothing (more) to read for now.
  bool ReadOnce(Output& output);
  void OnExitKnown();
  void DrainAndReportExit();
  void SweepStrays();
  void WriteQueued();
  void CloseReader(ScopedFd& fd);

  EventLoop& loop_;
  ChildSink& sink_;
  pid_t keeper_ = 0;
  pid_t pid_ = 0;
  uint64_t start_time_ = 0;
  ScopedFd stdin_, report_;
  Output stdout_, stderr_;
  std::string unwritten_;  // From written_ on.
  size_t written_ = 0;
  bool stdin_watched_ = false;
  bool close_stdin_ = false;
  bool paused_ = false;
  std::string report_text_;
  bool exit_known_ = false;     // The keeper said how, or can say no more.
  bool exit_reported_ = false;  // OnExited was called.
  bool keeper_gone_ = false;
  int sweeps_ = 0;
  EventLoop::TimerId sweep_ = 0;
  EventLoop::TimerId drain_ = 0;
  absl::StatusOr<ExitStatus> exit_ = absl::UnknownError("running");
};

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
  const absl::StatusOr<pid_t> pid = OwnChildren::Get().Start(keeper);
  if (!pid.ok()) return pid.status();

  keeper_ = *pid;
  stdin_ = std::move(pipes[0].writer);
  stdout_.fd = std::move(pipes[1].reader);
  stderr_.fd = std::move(pipes[2].reader);
  report_ = std::move(pipes[3].reader);
  for (const ScopedFd* fd : {&stdin_, &stdout_.fd, &stderr_.fd, &report_}) {
    SetNonBlocking(fd->get());
  }
  loop_.Watch(report_.get(), {.readable = true}, [this](EventLoop::Ready) { OnReport(); });
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

absl::Status ProcessChild::GoOn(ChildHandover handover) {
  ScopedFd in(handover.stdin_fd), out(handover.stdout_fd), err(handover.stderr_fd),
      report(handover.report_fd);
  // claude may have closed its stdout or stderr, and is a child of ours all the same.
  for (const ScopedFd* fd : {&in, &out, &err, &report}) {
    const bool must = fd == &in || fd == &report;
    if (*fd ? !IsPipe(*fd) : must) return absl::InternalError("no pipes came with the child");
    if (*fd) fcntl(fd->get(), F_SETFD, FD_CLOEXEC);
  }
  keeper_ = handover.keeper;
  OwnChildren::Get().Adopt(handover.keeper);
  pid_ = handover.pid;
  start_time_ = handover.start_time;
  stdin_ = std::move(in);
  stdout_.fd = std::move(out);
  stderr_.fd = std::move(err);
  report_ = std::move(report);
  report_text_ = std::move(handover.report_text);
  loop_.Watch(report_.get(), {.readable = true}, [this](EventLoop::Ready) { OnReport(); });
  WatchOutput();
  if (!handover.unwritten.empty()) Write(std::move(handover.unwritten));
  return absl::OkStatus();
}

ProcessChild::~ProcessChild() {
  if (sweep_ != 0) loop_.Cancel(sweep_);
  if (drain_ != 0) loop_.Cancel(drain_);
  if (stdin_watched_) loop_.Unwatch(stdin_.get());
  CloseReader(stdout_.fd);
  CloseReader(stderr_.fd);
  CloseReader(report_);
  if (keeper_ == 0 || keeper_gone_) return;
  kill(keeper_, SIGTERM);
  OwnChildren::Get().Forget(keeper_);  // The next sweep reaps it.
}

void ProcessChild::WatchOutput() {
  // What it says is heard after OnStarted: it may well write before the keeper has reported.
  if (pid_ == 0) return;
  for (Output* output : {&stdout_, &stderr_}) {
    if (!output->fd) continue;
    loop_.Watch(output->fd.get(), {.readable = true},
                [this, output](EventLoop::Ready) { ReadOnce(*output); });
  }
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
    loop_.Watch(stdin_.get(), {.writable = true}, [this](EventLoop::Ready) { WriteQueued(); });
    stdin_watched_ = true;
  } else if (!waiting && stdin_watched_) {
    loop_.Unwatch(stdin_.get());
    stdin_watched_ = false;
  }
  if (!waiting && close_stdin_) stdin_.Reset();
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

void ProcessChild::OnReport() {
  char buffer[512];
  const ssize_t n = read(report_.get(), buffer, sizeof(buffer));
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return OnKeeperGone();
  report_text_.append(buffer, static_cast<size_t>(n));
  if (report_text_.size() > kReportBytesMax) return KillAll();  // Not a keeper of ours.
  size_t end;
  while ((end = report_text_.find('\n')) != std::string::npos) {
    const std::string line = report_text_.substr(0, end);
    report_text_.erase(0, end + 1);
    OnReportLine(line);
  }
}

void ProcessChild::OnReportLine(absl::string_view line) {
  int number = 0;
  if (absl::ConsumePrefix(&line, "started ") && absl::SimpleAtoi(line, &number)) {
    pid_ = number;
    start_time_ = ProcessStartTime(pid_);
    sink_.OnStarted(pid_, start_time_);
    if (!paused_) WatchOutput();
    return;
  }
  if (absl::ConsumePrefix(&line, "failed ")) {
    exit_ = absl::FailedPreconditionError(line);
  } else if (absl::ConsumePrefix(&line, "exited code ") && absl::SimpleAtoi(line, &number)) {
    exit_ = ExitStatus{.by_signal = false, .number = number};
  } else if (absl::ConsumePrefix(&line, "exited signal ") && absl::SimpleAtoi(line, &number)) {
    exit_ = ExitStatus{.by_signal = true, .number = number};
  } else {
    return;
  }
  OnExitKnown();
}

// All that claude wrote is in the pipes by now. Its tools may hold them open and write more without
// end: what is there now is what counts.
void ProcessChild::OnExitKnown() {
  exit_known_ = true;
  for (Output* output : {&stdout_, &stderr_}) output->left = BytesIn(output->fd);
  DrainAndReportExit();
}

void ProcessChild::DrainAndReportExit() {
  drain_ = 0;
  if (exit_reported_) return;
  for (Output* output : {&stderr_, &stdout_}) {
    while (ReadOnce(*output)) {
    }
  }
  if (paused_) return;  // The rest waits for room.
  exit_reported_ = true;
  if (stdin_watched_) loop_.Unwatch(stdin_.get());
  stdin_watched_ = false;
  stdin_.Reset();
  CloseReader(stdout_.fd);
  CloseReader(stderr_.fd);
  sink_.OnExited(exit_);
  if (keeper_gone_) sweep_ = loop_.After(absl::ZeroDuration(), [this] { SweepStrays(); });
}

void ProcessChild::OnKeeperGone() {
  CloseReader(report_);
  while (waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {
  }
  OwnChildren::Get().Forget(keeper_);
  keeper_gone_ = true;
  if (exit_reported_) return SweepStrays();
  if (exit_known_) return;  // OnExited waits for room, and the sweep for OnExited.
  // Somebody killed the keeper; what was below it has come to the agent, a subreaper too.
  exit_ = ExitStatus{.by_signal = true, .number = SIGKILL};
  if (pid_ > 0 && ProcessStartTime(pid_) == start_time_) kill(pid_, SIGKILL);
  OnExitKnown();
}

// What a keeper left (it was killed, or gave up on a process stuck in the kernel) has come to the
// agent, which is a subreaper too. Every child of the agent that is no keeper is such a stray.
void ProcessChild::SweepStrays() {
  sweep_ = 0;
  bool found = false;
  for (const pid_t pid : ChildrenOf(getpid())) {
    if (OwnChildren::Get().Has(pid)) continue;
    found = true;  // Even if it is reaped at once: its children become ours.
    for (const pid_t below : DescendantsOf(pid)) kill(below, SIGKILL);
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, WNOHANG);
  }
  if (!found || ++sweeps_ >= kSweepsMax) return sink_.OnGone();
  sweep_ = loop_.After(kSweepEvery, [this] { SweepStrays(); });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Child>> Child::Start(EventLoop& loop, const ChildSpec& spec,
                                                    ChildSink& sink) {
  auto child = std::make_unique<ProcessChild>(loop, sink);
  if (absl::Status begun = child->Begin(spec); !begun.ok()) return begun;
  return child;
}

absl::StatusOr<std::unique_ptr<Child>> Child::Adopt(EventLoop& loop, ChildHandover handover,
                                                    ChildSink& sink) {
  auto child = std::make_unique<ProcessChild>(loop, sink);
  if (absl::Status gone_on = child->GoOn(std::move(handover)); !gone_on.ok()) return gone_on;
  return child;
}

}  // namespace iris
