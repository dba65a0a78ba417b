// How a child ends: what its keeper reports, what is left in its pipes, and what is left of it.

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "agent/process/descendants.h"
#include "agent/process/own_children.h"
#include "agent/process/process_child.h"
#include "agent/process/process_tree.h"
#include "common/failure/exhausted.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

constexpr size_t kReportBytesMax = 4 << 10;
constexpr absl::Duration kSweepEvery = absl::Milliseconds(20);
constexpr int kSweepsMax = 500;

// What lies unread in a pipe.
size_t BytesIn(const ScopedFd& pipe) {
  int bytes = 0;
  return pipe && ioctl(pipe.get(), FIONREAD, &bytes) == 0 ? static_cast<size_t>(bytes) : 0;
}

// The system refuses to run the program itself, and would the next time.
constexpr int kRefusals[] = {ENOEXEC, EACCES, ENOENT, ELIBBAD};
bool RefusesProgram(absl::string_view step, int error) {
  return step == "exec" &&
         std::find(std::begin(kRefusals), std::end(kRefusals), error) != std::end(kRefusals);
}

bool SaysRefused(absl::string_view what) {
  return absl::StartsWith(what, "exec ") &&
         std::any_of(std::begin(kRefusals), std::end(kRefusals),
                     [what](int error) { return absl::EndsWith(what, strerror(error)); });
}

// `what`: "STEP ERRNO", as the keeper says it, or "STEP PROGRAM: TEXT".
absl::Status WhyNotStarted(absl::string_view what, absl::string_view program) {
  const std::pair<absl::string_view, absl::string_view> words =
      absl::StrSplit(what, absl::MaxSplits(' ', 1));
  int error = 0;
  // A keeper of an earlier build says it in words.
  if (!absl::SimpleAtoi(words.second, &error)) {
    if (SaysRefused(what)) return absl::FailedPreconditionError(what);
    return SaysExhausted(what) ? absl::UnavailableError(what) : absl::UnknownError(what);
  }
  const absl::Status status = absl::ErrnoToStatus(error, absl::StrCat(words.first, " ", program));
  const absl::string_view text = status.message();
  if (RefusesProgram(words.first, error)) return absl::FailedPreconditionError(text);
  // It could not fork: nothing is wrong with the program.
  return IsExhausted(error) ? absl::UnavailableError(text) : absl::UnknownError(text);
}

}  // namespace

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
  if (line == "gone") {
    left_nothing_ = true;
    return;
  }
  if (absl::ConsumePrefix(&line, "started ") && absl::SimpleAtoi(line, &number)) {
    pid_ = number;
    program_.clear();
    start_time_ = ProcessStartTime(pid_);
    sink_.OnStarted(pid_, start_time_);
    if (!paused_) WatchOutput();
    return;
  }
  if (absl::ConsumePrefix(&line, "failed ")) {
    exit_ = WhyNotStarted(line, program_);
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
  if (!unheard_.ok()) exit_ = unheard_;
  sink_.OnExited(exit_);
  if (keeper_gone_) sweep_ = loop_.After(absl::ZeroDuration(), [this] { SweepStrays(); });
}

void ProcessChild::OnKeeperGone() {
  CloseReader(report_);
  while (waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {
  }
  OwnChildren::Get().Forget(keeper_);
  keeper_gone_ = true;
  if (!left_nothing_) OwnChildren::Get().NoteOthers();
  if (exit_reported_) return SweepStrays();
  if (exit_known_) return;  // OnExited waits for room, and the sweep for OnExited.
  // Somebody killed the keeper; what was below it has come to the agent, a subreaper too.
  exit_ = ExitStatus{.by_signal = true, .number = SIGKILL};
  if (pid_ > 0 && ProcessStartTime(pid_) == start_time_) kill(pid_, SIGKILL);
  OnExitKnown();
}

// What a keeper left (it was killed, or gave up on a process stuck in the kernel) has come to the
// agent, which is a subreaper too. Every child of the agent that is no keeper is such a stray, but
// for daemons of Iris while they live. A keeper that has left nothing says so; nobody looks then.
void ProcessChild::SweepStrays() {
  sweep_ = 0;
  if (!OwnChildren::Get().may_have_others()) return sink_.OnGone();
  bool found = false;
  for (const pid_t pid : OwnChildren::Get().FindOthers()) {
    if (IsLivingDaemon(pid)) continue;
    found = true;  // Even if it is reaped at once: its children become ours.
    for (const pid_t below : DescendantsOf(pid)) kill(below, SIGKILL);
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, WNOHANG);
  }
  if (!found || ++sweeps_ >= kSweepsMax) return sink_.OnGone();
  sweep_ = loop_.After(kSweepEvery, [this] { SweepStrays(); });
}

}  // namespace iris
