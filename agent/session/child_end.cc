#include "agent/session/child_end.h"

#include <signal.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/utf8.h"
#include "common/failure/agent_fix.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kProgramBytesShown = 80;
constexpr size_t kLastWordsBytesMax = 1 << 10;  // Of its stderr, in a failure: people read it all.
// A claude that ends sooner than this, and has finished nothing, most likely does so each time.
constexpr absl::Duration kRightAfterStart = absl::Seconds(10);
constexpr int kEndsInARow = 2;

// Of a failure: what claude said last, on one line.
std::string LastWords(absl::string_view said) {
  const std::string end = CutUtf8ToEnd(absl::StripAsciiWhitespace(said), kLastWordsBytesMax);
  const std::string words =
      absl::StrJoin(absl::StrSplit(end, absl::ByAnyChar("\r\n"), absl::SkipWhitespace()), " ");
  return words.empty() ? "; nothing on stderr" : absl::StrCat("; its last words: ", words);
}

// A person or the system ended it: that says nothing of the program.
bool EndedByOthers(const ExitStatus& how) {
  if (!how.by_signal) return false;
  for (const int signal : {SIGHUP, SIGINT, SIGKILL, SIGTERM}) {
    if (how.number == signal) return true;
  }
  return false;
}

// "signal 9", "exit code 3".
std::string How(const ExitStatus& how) {
  return absl::StrCat(how.by_signal ? "signal " : "exit code ", how.number);
}

}  // namespace

ChildEnd::Child ChildEnd::Child::Of(const ClaudeChild& child) {
  return {.program = child.program(),
          .stderr_tail = child.stderr_tail(),
          .lived = absl::Now() - child.started_at()};
}

// A long path loses its beginning, so that what happened is not cut off behind it.
std::string ChildEnd::WhoRuns(const Child& child) const {
  return absl::StrCat(who_(), " (", CutUtf8ToEnd(child.program, kProgramBytesShown), ")");
}

absl::Status ChildEnd::WhyNotReady(const Child& child, NotReady reason, const std::string& why,
                                   absl::Duration limit) const {
  switch (reason) {
    case NotReady::kSilent:
      return MakeFailure(
          v1::FAILURE_TIMEOUT,
          absl::StrCat(WhoRuns(child), " did not answer within ", absl::FormatDuration(limit),
                       " of its start", LastWords(child.stderr_tail)),
          kFixInitTimeout);
    case NotReady::kRefused:
      return MakeFailure(v1::FAILURE_VERSION,
                         absl::StrCat(WhoRuns(child), " refused `initialize`: ", why),
                         kFixClaudeVersion);
    case NotReady::kEcho:
      break;
  }
  return MakeFailure(
      v1::FAILURE_NOT_EXECUTABLE,
      absl::StrCat(WhoRuns(child), " repeats what it is told, as no Claude Code does"),
      kFixClaudeStart);
}

absl::Status ChildEnd::WhyEnded(const Child& child, const absl::StatusOr<ExitStatus>& how,
                                bool was_starting) {
  if (!how.ok() && IsExhausted(how.status())) {
    return Exhausted(how.status(), absl::StrCat(who_(), was_starting ? " could not be started"
                                                                     : " could not be heard"));
  }
  if (reason_ == v1::Exited::CLOSED) {
    return MakeFailure(v1::FAILURE_CANCELLED,
                       absl::StrCat(who_(), " was ended on request before it answered"));
  }
  if (how.ok()) return WhyItEnded(child, *how, was_starting);
  const std::string what =
      absl::StrCat(WhoRuns(child), " could not be started: ", how.status().message());
  // The same program would be refused again.
  const bool refused = was_starting && absl::IsFailedPrecondition(how.status());
  return refused ? MakeFailure(v1::FAILURE_NOT_EXECUTABLE, what, kFixClaudeProgram)
                 : MakeFailure(v1::FAILURE_CHILD_EXITED, what);
}

absl::Status ChildEnd::WhyItEnded(const Child& child, const ExitStatus& how, bool was_starting) {
  const bool early = was_starting || child.lived < kRightAfterStart;
  early_ends_ = early && reason_ == v1::Exited::BY_ITSELF ? early_ends_ + 1 : 0;
  const bool again = early_ends_ >= kEndsInARow;
  // Where it ends each time, the next message is no help.
  const bool will_again = again || (was_starting && !EndedByOthers(how));
  return MakeFailure(
      v1::FAILURE_CHILD_EXITED,
      absl::StrCat(WhoRuns(child), " ended ",
                   was_starting ? "before it was ready: " : "before it had answered: ", How(how),
                   again ? ", right after its start, as the one before" : "",
                   LastWords(child.stderr_tail)),
      will_again ? kFixClaudeStart : absl::string_view());
}

absl::Status ChildEnd::WhyDeaf() const {
  return MakeFailure(
      v1::FAILURE_CHILD_EXITED,
      absl::StrCat(who_(), " asked without end, read none of the answers, and was ended"));
}

bool ChildEnd::SaysItIsElsewhere(const Child& child, absl::string_view session_id) const {
  return reason_ == v1::Exited::BY_ITSELF &&
         absl::StrContains(child.stderr_tail,
                           absl::StrCat("Session ID ", session_id, " is already in use"));
}

v1::Exited ChildEnd::Describe(const Child& child, const absl::StatusOr<ExitStatus>& how) const {
  v1::Exited exited;
  if (!how.ok()) {
    exited.set_code(127);
  } else if (how->by_signal) {
    exited.set_signal(how->number);
  } else {
    exited.set_code(how->number);
  }
  exited.set_reason(reason_);
  exited.set_stderr_tail(ToUtf8(child.stderr_tail));
  return exited;
}

}  // namespace iris
