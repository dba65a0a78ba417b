// A session's child: how it is started, and how it ends.

#include <signal.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/claude/launch.h"
#include "agent/session/session.h"
#include "agent/session/turn_failure.h"
#include "common/base/utf8.h"
#include "common/failure/agent_fix.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"

namespace iris {
namespace {

constexpr absl::Duration kDefaultInitTimeout = absl::Seconds(30);
constexpr absl::Duration kDefaultGrace = absl::Seconds(2);
constexpr size_t kLastWordsBytesMax = 1 << 10;  // Of that, in a failure: all of it reaches people.
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

absl::Duration InitTimeout(const v1::LaunchSpec& spec) {
  return spec.init_timeout_ms() > 0 ? absl::Milliseconds(spec.init_timeout_ms())
                                    : kDefaultInitTimeout;
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

// ------------------------------------------------------------------------------- starting a child

void Session::Open(const v1::LaunchSpec& spec, OpenDone done, bool takeover) {
  if (const absl::Status renewed = Renew(spec); !renewed.ok()) return done(renewed);
  const bool may_end =
      phase() == Phase::kStarting || (phase() == Phase::kReady && turn_ == nullptr);
  if (may_end) EndOutdatedChild();
  if (phase() == Phase::kReady) {
    v1::OpenResponse response;
    *response.mutable_child() = ChildInfo();
    response.set_resumed(child_->resumed());
    done(response);
    return;
  }
  opening_.push_back(std::move(done));
  if (takeover) claim_.TakeOverNext();
  // kClosing, kDraining: the next one is started when this one has gone.
  if (phase() == Phase::kNone) StartChild();
}

void Session::StartChild() {
  CancelTimer(idle_timer_);
  Check(phase() == Phase::kNone, "a second child of a session is started");
  end_reason_ = v1::Exited::BY_ITSELF;
  absl::StatusOr<LaunchPlan> plan = spec_.Plan();
  const absl::Status may_start = plan.ok() ? claim_.TakeForStart() : plan.status();
  if (!may_start.ok()) {
    claim_.Release();
    return FailStart(may_start);
  }
  LookForTranscript(spec_.of_child(), id_, identity_, *plan);
  if (!identity_.sessions_on_network) plan->child.life_file = files_->life_path();
  absl::StatusOr<std::unique_ptr<ClaudeChild>> child =
      ClaudeChild::Start(loop_, plan->child, plan->resumes, start_child_, *this);
  if (!child.ok()) {
    claim_.Release();
    const std::string what = absl::StrCat(Who(), " could not be started");
    return FailStart(IsExhausted(child.status())
                         ? Exhausted(child.status(), what)
                         : MakeFailure(v1::FAILURE_CHILD_EXITED,
                                       absl::StrCat(what, ": ", child.status().message()),
                                       kFixAgentFile));
  }
  child_ = *std::move(child);
  // Before its first byte: the next agent must know of it whatever it does with it.
  absl::Status known = SaveChild();
  if (known.ok()) known = claim_.Hold();
  if (!known.ok()) {
    child_.reset();
    claim_.Release();
    return FailStart(known);
  }
  idle_.OnChildStarted();
  program_ = child_->program();
  child_->Initialize(InitTimeout(spec_.of_child()));
}

void Session::OnNotReady(NotReady reason, const std::string& why) {
  absl::Status failure;
  switch (reason) {
    case NotReady::kSilent:
      failure = MakeFailure(v1::FAILURE_TIMEOUT,
                            absl::StrCat(WhoRuns(), " did not answer within ",
                                         absl::FormatDuration(InitTimeout(spec_.of_child())),
                                         " of its start", LastWords(child_->stderr_tail())),
                            kFixInitTimeout);
      break;
    case NotReady::kRefused:
      failure =
          MakeFailure(v1::FAILURE_VERSION, absl::StrCat(WhoRuns(), " refused `initialize`: ", why),
                      kFixClaudeVersion);
      break;
    case NotReady::kEcho:
      failure =
          MakeFailure(v1::FAILURE_NOT_EXECUTABLE,
                      absl::StrCat(WhoRuns(), " repeats what it is told, as no Claude Code does"),
                      kFixClaudeStart);
      break;
  }
  FailStart(failure);
  BeginClosing(absl::ZeroDuration(), v1::Exited::NOT_READY);
}

// Nobody who waits for this child may be left waiting.
void Session::FailStart(const absl::Status& why) {
  claim_.ForgetTakeover();
  std::vector<OpenDone> opening = std::exchange(opening_, {});
  for (OpenDone& done : opening) done(why);
  queue_.SettleWaiting(why);
}

void Session::OnStarted() {
  if (const absl::Status saved = SaveChild(); !saved.ok()) LogError(Who(), ": ", saved.message());
}

void Session::OnReady() {
  claim_.ForgetTakeover();  // Asked for while it was starting: the start had the claim already.
  v1::Event event;
  *event.mutable_started()->mutable_child() = ChildInfo();
  event.mutable_started()->set_resumed(child_->resumed());
  log_.Append(std::move(event));
  v1::OpenResponse response;
  *response.mutable_child() = ChildInfo();
  response.set_started(true);
  response.set_resumed(child_->resumed());
  std::vector<OpenDone> opening = std::exchange(opening_, {});
  for (OpenDone& done : opening) done(response);
  WriteNextTell();
}

// --------------------------------------------------------------------------------- ending a child

void Session::Close(absl::Duration grace, CloseDone done) {
  FailStart(EndedOnRequest(Who()));
  queue_.SettleTextless(EndedOnRequest(Who()));
  if (draining_) {
    closing_.push_back(std::move(done));
    return EndSurvivor();
  }
  if (child_ == nullptr) return done(false);
  closing_.push_back(std::move(done));
  BeginClosing(grace > absl::ZeroDuration() ? grace : kDefaultGrace, v1::Exited::CLOSED);
}

void Session::BeginClosing(absl::Duration grace, v1::Exited::Reason reason) {
  if (child_ == nullptr || phase() == Phase::kClosing) return;
  CancelTimer(idle_timer_);
  child_->End(grace);
  UpdateBackPressure();
  if (end_reason_ == v1::Exited::BY_ITSELF) end_reason_ = reason;
  // Without stdin it takes every open request for refused, and goes on.
  for (const v1::PendingRequest& request : requests_.open()) {
    if (turn_ != nullptr && request.tell_id() == turn_->tell_id) turn_->permission_lost = true;
  }
  DropRequests();
}

bool Session::EndOutdatedChild() {
  if (!spec_.IsOutdated()) return false;
  LogInfo("session ", id_, ": its child is ended, since the team is launched otherwise by now");
  BeginClosing(kDefaultGrace, v1::Exited::CLOSED);
  return true;
}

absl::Status Session::WhyEnded(const absl::StatusOr<ExitStatus>& how, bool was_starting) {
  if (!how.ok() && IsExhausted(how.status())) {
    return Exhausted(how.status(), absl::StrCat(Who(), was_starting ? " could not be started"
                                                                    : " could not be heard"));
  }
  if (end_reason_ == v1::Exited::CLOSED) {
    return MakeFailure(v1::FAILURE_CANCELLED,
                       absl::StrCat(Who(), " was ended on request before it answered"));
  }
  if (how.ok()) return WhyItEnded(*how, was_starting);
  const std::string what =
      absl::StrCat(WhoRuns(), " could not be started: ", how.status().message());
  // The same program would be refused again.
  const bool refused = was_starting && absl::IsFailedPrecondition(how.status());
  return refused ? MakeFailure(v1::FAILURE_NOT_EXECUTABLE, what, kFixClaudeProgram)
                 : MakeFailure(v1::FAILURE_CHILD_EXITED, what);
}

absl::Status Session::WhyItEnded(const ExitStatus& how, bool was_starting) {
  const bool early = was_starting || absl::Now() - child_->started_at() < kRightAfterStart;
  ended_early_ = early && end_reason_ == v1::Exited::BY_ITSELF ? ended_early_ + 1 : 0;
  const bool again = ended_early_ >= kEndsInARow;
  // Where it ends each time, the next message is no help.
  const bool will_again = again || (was_starting && !EndedByOthers(how));
  return MakeFailure(
      v1::FAILURE_CHILD_EXITED,
      absl::StrCat(WhoRuns(), " ended ",
                   was_starting ? "before it was ready: " : "before it had answered: ", How(how),
                   again ? ", right after its start, as the one before" : "",
                   LastWords(child_->stderr_tail())),
      will_again ? kFixClaudeStart : absl::string_view());
}

void Session::OnExited(const absl::StatusOr<ExitStatus>& how, bool was_starting) {
  CancelTimer(idle_timer_);
  if (turn_ != nullptr && turn_->awaited_for.has_value()) LookForAnswer(/*last_time=*/true);
  v1::Event event;
  v1::Exited& exited = *event.mutable_exited();
  if (!how.ok()) {
    exited.set_code(127);
  } else if (how->by_signal) {
    exited.set_signal(how->number);
  } else {
    exited.set_code(how->number);
  }
  DropRequests();
  exited.set_reason(end_reason_);
  exited.set_stderr_tail(ToUtf8(child_->stderr_tail()));
  log_.Append(std::move(event));

  const bool asked = end_reason_ == v1::Exited::CLOSED;
  const absl::Status why = WhyEnded(how, was_starting);
  const absl::Status outcome = UnlessCancelled(why);
  SettleInFlight(turn_ != nullptr && !asked ? UnlessInTranscript(outcome) : outcome);
  // A child that does not even start would be started for ever.
  if (was_starting) FailStart(why);
}

void Session::OnGone() {
  child_.reset();
  claim_.Release();
  if (const absl::Status saved = SaveChild(); !saved.ok()) LogError(Who(), ": ", saved.message());
  idle_since_ = absl::Now();
  AskTranscript();
  std::vector<CloseDone> closing = std::exchange(closing_, {});
  for (CloseDone& done : closing) done(true);
  if (child_ == nullptr && (!opening_.empty() || queue_.any_waits())) StartChild();
}

void Session::ArmIdleTimer(absl::Duration idle_for) {
  CancelTimer(idle_timer_);
  idle_since_ = absl::Now() - idle_for;
  if (spec_.newest().idle_timeout_ms() <= 0) return;
  idle_timer_ =
      loop_.After(absl::Milliseconds(spec_.newest().idle_timeout_ms()) - idle_for, [this] {
        idle_timer_ = 0;
        // Of a turn that nobody asked for, and that may go on.
        if (!requests_.empty()) return ArmIdleTimer();
        BeginClosing(kDefaultGrace, v1::Exited::IDLE);
      });
}

void Session::OnStderr(absl::string_view bytes) {
  v1::Event event;
  event.mutable_stderr_text()->set_bytes(bytes.data(), bytes.size());
  log_.Append(std::move(event));
}

}  // namespace iris
