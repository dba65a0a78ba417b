// A session's child: how it is started, and how it ends.

#include <signal.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/session/auth_links.h"
#include "agent/session/launch.h"
#include "agent/session/session.h"
#include "common/base/ids.h"
#include "common/base/utf8.h"
#include "common/failure/agent_fix.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

constexpr absl::Duration kDefaultInitTimeout = absl::Seconds(30);
constexpr absl::Duration kDefaultGrace = absl::Seconds(2);
constexpr size_t kIdBytesMax = 64;  // LaunchSpec.environment_id.
constexpr size_t kStderrTailBytes = 4 << 10;
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
  const bool may_end = phase_ == Phase::kStarting || (phase_ == Phase::kReady && turn_ == nullptr);
  if (may_end) EndOutdatedChild();
  if (phase_ == Phase::kReady) {
    v1::OpenResponse response;
    *response.mutable_child() = ChildInfo();
    response.set_resumed(resumed_);
    done(response);
    return;
  }
  opening_.push_back(std::move(done));
  take_over_claim_ |= takeover;
  // kClosing, kDraining: the next one is started when this one has gone.
  if (phase_ == Phase::kNone) StartChild();
}

absl::Status Session::Renew(const v1::LaunchSpec& spec) {
  if (absl::Status fits = CheckEnvironment(spec, identity_); !fits.ok()) return fits;
  v1::LaunchSpec launch = spec;
  launch.clear_kept();
  if (launch.environment_id().size() > kIdBytesMax) launch.clear_environment_id();
  if (!spec.has_environment()) {
    // Who says nothing of it does not know it: what was said before still counts.
    if (spec_.has_environment()) *launch.mutable_environment() = spec_.environment();
    launch.set_environment_id(spec_.environment_id());
    *launch.mutable_kept() = spec_.kept();
  }
  if (absl::Status saved = files_->SaveLaunch(launch); !saved.ok()) return saved;
  spec_ = std::move(launch);
  const auto lent = spec_.env().find("SSH_AUTH_SOCK");
  if (identity_.auth_links != nullptr && lent != spec_.env().end()) {
    identity_.auth_links->Lend(spec_.link(), lent->second);
  }
  return absl::OkStatus();
}

void Session::StartChild() {
  CancelTimer(idle_timer_);
  phase_ = Phase::kStarting;
  end_reason_ = v1::Exited::BY_ITSELF;
  stderr_tail_.clear();
  child_spec_ = spec_;
  child_directory_ = DirectoryOf(spec_, identity_);
  absl::StatusOr<LaunchPlan> plan = PlanLaunch(spec_, id_, identity_);
  const absl::Status may_start = plan.ok() ? ClaimForStart() : plan.status();
  if (!may_start.ok()) {
    ReleaseClaim();
    phase_ = Phase::kNone;
    return FailStart(may_start);
  }
  if (std::exchange(is_elsewhere_, false)) {
    ResumeAnyway(*plan);
  } else {
    LookForTranscript(spec_, id_, identity_, *plan);
  }
  if (!identity_.sessions_on_network) plan->child.life_file = files_->life_path();
  absl::StatusOr<std::unique_ptr<Child>> child = start_child_(loop_, plan->child, *this);
  if (!child.ok()) {
    ReleaseClaim();
    phase_ = Phase::kNone;
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
  if (known.ok()) known = HoldClaim();
  if (!known.ok()) {
    child_.reset();
    ReleaseClaim();
    phase_ = Phase::kNone;
    return FailStart(known);
  }
  scanner_.reset(new LineScanner(*this));  // The base is private: make_unique cannot see it.
  unread_bytes_ = 0;
  idle_.OnChildStarted();
  resumed_ = plan->resumes;
  program_ = plan->child.program;
  started_at_ = absl::Now();
  initialize_id_ = absl::StrCat("iris-", RandomHex(8));
  WriteControl(nlohmann::json({{"type", "control_request"},
                               {"request_id", initialize_id_},
                               {"request", {{"subtype", "initialize"}}}})
                   .dump());
  const absl::Duration limit = spec_.init_timeout_ms() > 0
                                   ? absl::Milliseconds(spec_.init_timeout_ms())
                                   : kDefaultInitTimeout;
  step_timer_ = loop_.After(limit, [this, limit] {
    step_timer_ = 0;
    FailStart(
        MakeFailure(v1::FAILURE_TIMEOUT,
                    absl::StrCat(WhoRuns(), " did not answer within ", absl::FormatDuration(limit),
                                 " of its start", LastWords(stderr_tail_)),
                    kFixInitTimeout));
    BeginClosing(absl::ZeroDuration(), v1::Exited::NOT_READY);
  });
}

// Nobody who waits for this child may be left waiting.
void Session::FailStart(const absl::Status& why) {
  take_over_claim_ = false;
  std::vector<OpenDone> opening = std::exchange(opening_, {});
  for (OpenDone& done : opening) done(why);
  SettleWaiting(why);
}

void Session::OnStarted(pid_t, uint64_t) {
  if (const absl::Status saved = SaveChild(); !saved.ok()) LogError(Who(), ": ", saved.message());
}

void Session::BecomeReady() {
  CancelTimer(step_timer_);
  take_over_claim_ = false;  // Asked for while it was starting: the start had the claim already.
  maybe_read_.clear();       // What it has of them, its transcript says.
  phase_ = Phase::kReady;
  v1::Event event;
  *event.mutable_started()->mutable_child() = ChildInfo();
  event.mutable_started()->set_resumed(resumed_);
  Append(std::move(event));
  v1::OpenResponse response;
  *response.mutable_child() = ChildInfo();
  response.set_started(true);
  response.set_resumed(resumed_);
  std::vector<OpenDone> opening = std::exchange(opening_, {});
  for (OpenDone& done : opening) done(response);
  WriteNextTell();
}

// --------------------------------------------------------------------------------- ending a child

void Session::Close(absl::Duration grace, CloseDone done) {
  FailStart(MakeFailure(v1::FAILURE_CANCELLED, absl::StrCat(Who(), " was ended on request")));
  for (const std::string& tell_id : std::exchange(textless_, {})) {
    Settle(tell_id,
           MakeFailure(v1::FAILURE_CANCELLED, absl::StrCat(Who(), " was ended on request")));
  }
  if (phase_ == Phase::kDraining) {
    closing_.push_back(std::move(done));
    return EndSurvivor();
  }
  if (child_ == nullptr) return done(false);
  closing_.push_back(std::move(done));
  BeginClosing(grace > absl::ZeroDuration() ? grace : kDefaultGrace, v1::Exited::CLOSED);
}

void Session::BeginClosing(absl::Duration grace, v1::Exited::Reason reason) {
  if (child_ == nullptr || phase_ == Phase::kClosing) return;
  CancelTimer(step_timer_);
  CancelTimer(idle_timer_);
  phase_ = Phase::kClosing;
  UpdateBackPressure();
  if (end_reason_ == v1::Exited::BY_ITSELF) end_reason_ = reason;
  // Without stdin it takes every open request for refused, and goes on.
  for (const v1::PendingRequest& request : requests_.open()) {
    if (turn_ != nullptr && request.tell_id() == turn_->tell_id) turn_->permission_lost = true;
  }
  DropRequests();
  child_->CloseStdin();
  step_timer_ = loop_.After(grace, [this, grace] {
    child_->Signal(SIGTERM);
    step_timer_ = loop_.After(std::max(grace, absl::Milliseconds(500)), [this] {
      step_timer_ = 0;
      child_->KillAll();
    });
  });
}

// One that is not there now is most likely being replaced.
bool Session::DirectoryIsReplaced() const {
  // Looked at only where it was at the start: on a disk, which answers.
  if (!child_directory_.known()) return false;
  const DirectoryId directory = DirectoryOf(spec_, identity_);
  return directory.known() && directory != child_directory_;
}

bool Session::EndOutdatedChild() {
  if (LaunchesAlike(child_spec_, spec_) && !DirectoryIsReplaced()) return false;
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
  const bool early = was_starting || absl::Now() - started_at_ < kRightAfterStart;
  ended_early_ = early && end_reason_ == v1::Exited::BY_ITSELF ? ended_early_ + 1 : 0;
  const bool again = ended_early_ >= kEndsInARow;
  // Where it ends each time, the next message is no help.
  const bool will_again = again || (was_starting && !EndedByOthers(how));
  return MakeFailure(
      v1::FAILURE_CHILD_EXITED,
      absl::StrCat(WhoRuns(), " ended ",
                   was_starting ? "before it was ready: " : "before it had answered: ", How(how),
                   again ? ", right after its start, as the one before" : "",
                   LastWords(stderr_tail_)),
      will_again ? kFixClaudeStart : absl::string_view());
}

// There is a transcript, and not where `spec_` has it: the program may be a wrapper with a
// CLAUDE_CONFIG_DIR of its own.
bool Session::SaysItIsElsewhere() const {
  return !resumed_ && end_reason_ == v1::Exited::BY_ITSELF &&
         absl::StrContains(stderr_tail_, absl::StrCat("Session ID ", id_, " is already in use"));
}

// OnGone() starts the next one. claude runs nothing twice, and says nothing of what it would not.
void Session::GoOnElsewhere() {
  LogInfo(WhoRuns(), " has session ", id_, " elsewhere: it is resumed");
  is_elsewhere_ = true;
  DropRequests();
  for (const std::string& tell_id : std::exchange(maybe_read_, {})) {
    std::erase_if(waiting_, [&](const WaitingTell& tell) {
      if (tell.id == tell_id) waiting_bytes_ -= tell.text.size();
      return tell.id == tell_id;
    });
    textless_.erase(tell_id);
    Settle(tell_id,
           MakeFailure(v1::FAILURE_AMBIGUOUS,
                       absl::StrCat(Who(),
                                    " lost its agent when it may have had this message, and its "
                                    "transcript is not where Iris looks for it")));
  }
}

void Session::OnExited(const absl::StatusOr<ExitStatus>& how) {
  const bool was_starting = phase_ == Phase::kStarting;
  // Whatever its last words are, nothing is written to it any more.
  phase_ = Phase::kClosing;
  CancelTimer(step_timer_);
  CancelTimer(idle_timer_);
  CancelTimer(deaf_timer_);
  scanner_->Finish();
  if (turn_ != nullptr && turn_->awaited_for.has_value()) LookForAnswer(/*last_time=*/true);
  // Nobody has heard of this child: whoever waits for it gets the next one.
  if (was_starting && SaysItIsElsewhere()) return GoOnElsewhere();
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
  exited.set_stderr_tail(ToUtf8(stderr_tail_));
  Append(std::move(event));

  const bool asked = end_reason_ == v1::Exited::CLOSED;
  const absl::Status why = WhyEnded(how, was_starting);
  const absl::Status outcome = UnlessCancelled(why);
  SettleInFlight(turn_ != nullptr && !asked ? UnlessInTranscript(outcome) : outcome);
  // A child that does not even start would be started for ever.
  if (was_starting) FailStart(why);
}

void Session::OnGone() {
  CancelTimer(step_timer_);
  child_.reset();
  scanner_.reset();
  ReleaseClaim();
  if (const absl::Status saved = SaveChild(); !saved.ok()) LogError(Who(), ": ", saved.message());
  phase_ = Phase::kNone;
  idle_since_ = absl::Now();
  AskTranscript();
  std::vector<CloseDone> closing = std::exchange(closing_, {});
  for (CloseDone& done : closing) done(true);
  if (child_ == nullptr && (!opening_.empty() || !waiting_.empty())) StartChild();
}

void Session::ArmIdleTimer(absl::Duration idle_for) {
  CancelTimer(idle_timer_);
  idle_since_ = absl::Now() - idle_for;
  if (spec_.idle_timeout_ms() <= 0) return;
  idle_timer_ = loop_.After(absl::Milliseconds(spec_.idle_timeout_ms()) - idle_for, [this] {
    idle_timer_ = 0;
    // Of a turn that nobody asked for, and that may go on.
    if (!requests_.empty()) return ArmIdleTimer();
    BeginClosing(kDefaultGrace, v1::Exited::IDLE);
  });
}

void Session::OnStderr(absl::string_view bytes) {
  stderr_tail_.append(bytes.data(), bytes.size());
  if (stderr_tail_.size() > kStderrTailBytes) {
    stderr_tail_.erase(0, stderr_tail_.size() - kStderrTailBytes);
  }
  v1::Event event;
  event.mutable_stderr_text()->set_bytes(bytes.data(), bytes.size());
  Append(std::move(event));
}

}  // namespace iris
