// A session's child: how it is started, how it ends, and how it goes on in an upgrade.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/claude/launch.h"
#include "agent/session/handed_child.h"
#include "agent/session/session.h"
#include "agent/session/turn_failure.h"
#include "common/failure/agent_fix.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

constexpr absl::Duration kDefaultInitTimeout = absl::Seconds(30);
constexpr absl::Duration kDefaultGrace = absl::Seconds(2);

absl::Duration InitTimeout(const v1::LaunchSpec& spec) {
  return spec.init_timeout_ms() > 0 ? absl::Milliseconds(spec.init_timeout_ms())
                                    : kDefaultInitTimeout;
}

}  // namespace

// ------------------------------------------------------------------------------- starting a child

void Session::Open(const v1::LaunchSpec& spec, OpenDone done, bool takeover) {
  if (const absl::Status renewed = Renew(spec); !renewed.ok()) return done(renewed);
  const bool may_end =
      phase() == Phase::kStarting || (phase() == Phase::kReady && !in_flight_.any());
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
  Check(phase() == Phase::kNone && !in_flight_.any(), "a second child of a session is started");
  idle_timer_.Cancel();
  end_.OnStarting();
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
  in_flight_.SetChild(child_.get());
  in_flight_.watch().OnChildStarted();
  child_->Initialize(InitTimeout(spec_.of_child()));
}

absl::Status Session::SaveChild() {
  saved::State state = files_->state();
  if (child_ == nullptr) {
    state.clear_child();
    return files_->SaveState(std::move(state));
  }
  saved::Child& child = *state.mutable_child();
  child.set_keeper(child_->keeper());
  child.set_keeper_start_time(ProcessStartTime(child_->keeper()));
  child.set_pid(child_->pid());
  child.set_start_time(child_->start_time());
  child.set_boot_id(identity_.boot_id);
  child.set_pid_namespace(identity_.pid_namespace);
  child.set_life_lock(child_->holds_life_file());
  if (!claim_.held_path().empty()) child.set_claim(claim_.held_path());
  return files_->SaveState(std::move(state));
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

void Session::OnNotReady(NotReady reason, const std::string& why) {
  FailStart(end_.WhyNotReady(EndOf(*child_), reason, why, InitTimeout(spec_.of_child())));
  BeginClosing(absl::ZeroDuration(), v1::Exited::NOT_READY);
}

// --------------------------------------------------------------------------------- ending a child

void Session::Close(absl::Duration grace, CloseDone done) {
  FailStart(EndedOnRequest(Who()));
  queue_.SettleTextless(EndedOnRequest(Who()));
  if (recovery_.is_draining()) {
    closing_.push_back(std::move(done));
    return recovery_.End();
  }
  if (child_ == nullptr) return done(false);
  closing_.push_back(std::move(done));
  BeginClosing(grace > absl::ZeroDuration() ? grace : kDefaultGrace, v1::Exited::CLOSED);
}

void Session::BeginClosing(absl::Duration grace, v1::Exited::Reason reason) {
  if (child_ == nullptr || phase() == Phase::kClosing) return;
  idle_timer_.Cancel();
  child_->End(grace);
  UpdateBackPressure();
  end_.OnEnding(reason);
  // Without stdin it takes every open request for refused, and goes on.
  if (requests_.WaitsIn(in_flight_.tell_id())) in_flight_.LosePermission();
  requests_.Drop();
}

bool Session::EndOutdatedChild() {
  if (!spec_.IsOutdated()) return false;
  LogInfo("session ", id_, ": its child is ended, since the team is launched otherwise by now");
  BeginClosing(kDefaultGrace, v1::Exited::CLOSED);
  return true;
}

void Session::OnRequest(const std::string& request_id, absl::string_view line) {
  absl::string_view why_nobody;
  if (!spec_.newest().ask_permissions()) {
    why_nobody = "Iris cannot ask anybody here.";
  } else if (phase() != Phase::kReady) {
    why_nobody = "This session is being ended.";
  }
  requests_.Ask(request_id, line, in_flight_.tell_id(), why_nobody);
}

void Session::OnDeaf() {
  const absl::Status why = MakeFailure(
      v1::FAILURE_CHILD_EXITED,
      absl::StrCat(Who(), " asked without end, read none of the answers, and was ended"));
  LogWarn(why.message());
  const bool was_starting = phase() == Phase::kStarting;
  in_flight_.Fail(why, /*asked=*/false);
  BeginClosing(absl::ZeroDuration(), v1::Exited::WEDGED);
  if (was_starting) FailStart(why);
}

ChildEnd::Child Session::EndOf(const ClaudeChild& child) const {
  return {.program = child.program(),
          .stderr_tail = child.stderr_tail(),
          .lived = absl::Now() - child.started_at()};
}

void Session::OnStderr(absl::string_view bytes) {
  v1::Event event;
  event.mutable_stderr_text()->set_bytes(bytes.data(), bytes.size());
  log_.Append(std::move(event));
}

void Session::OnExited(const absl::StatusOr<ExitStatus>& how, bool was_starting) {
  idle_timer_.Cancel();
  in_flight_.OnChildExited();
  requests_.Drop();
  v1::Event event;
  *event.mutable_exited() = end_.Describe(EndOf(*child_), how);
  log_.Append(std::move(event));
  const absl::Status why = end_.WhyEnded(EndOf(*child_), how, was_starting);
  in_flight_.Fail(why, /*asked=*/end_.reason() == v1::Exited::CLOSED);
  // A child that does not even start would be started for ever.
  if (was_starting) FailStart(why);
}

void Session::OnGone() {
  in_flight_.SetChild(nullptr);
  child_.reset();
  claim_.Release();
  if (const absl::Status saved = SaveChild(); !saved.ok()) LogError(Who(), ": ", saved.message());
  BeWithoutChild();
}

void Session::OnSurvivorGone() {
  if (files_->state().has_child()) {
    if (const absl::Status saved = SaveChild(); !saved.ok()) LogError(Who(), ": ", saved.message());
  }
  queue_.SettleLost(/*closed=*/!closing_.empty());
  BeWithoutChild();
}

void Session::BeWithoutChild() {
  idle_since_ = absl::Now();
  AskTranscript();
  std::vector<CloseDone> closing = std::exchange(closing_, {});
  for (CloseDone& done : closing) done(true);
  if (phase() == Phase::kNone && (!opening_.empty() || queue_.any_waits())) StartChild();
}

void Session::ArmIdleTimer(absl::Duration idle_for) {
  idle_timer_.Cancel();
  idle_since_ = absl::Now() - idle_for;
  const absl::Duration timeout = absl::Milliseconds(spec_.newest().idle_timeout_ms());
  if (timeout <= absl::ZeroDuration()) return;
  idle_timer_.Set(timeout - idle_for, [this] {
    // Of a turn that nobody asked for, and that may go on.
    if (!requests_.empty()) return ArmIdleTimer();
    BeginClosing(kDefaultGrace, v1::Exited::IDLE);
  });
}

// ------------------------------------------------------------------------------------ an upgrade

std::string Session::WhyNoHandover() const {
  if (!journal().all_written()) return "its journal waits for room on the disk";
  switch (phase()) {
    case Phase::kStarting:
      return "claude is starting";
    case Phase::kClosing:
      return "claude is being ended";
    case Phase::kNone:
      return "";
    case Phase::kDraining:
      if (!closing_.empty()) return "claude is being ended";
      if (queue_.is_cancelling_lost()) return "a message is being cancelled";
      return "";
    case Phase::kReady:
      break;
  }
  if (std::string why = in_flight_.WhyNoHandover(); !why.empty()) return why;
  if (!child_->can_be_handed_over()) return "claude is ending";
  // Such a line is nowhere as a whole.
  if (!child_->scanner().holds_unfinished()) return "claude is in the middle of a long line";
  return "";
}

std::optional<handover::Session> Session::HandOver() const {
  const bool has_child = phase() == Phase::kReady;
  handover::Session state;
  state.set_session_id(id_);
  queue_.HandOver(state);
  spec_.HandOver(has_child, state);
  if (!has_child) {
    if (state.waiting().empty() && state.lost().empty()) return std::nullopt;
    return state;
  }
  HandOverChild(*child_, state);
  in_flight_.HandOver(state);
  state.set_idle_ms(absl::ToInt64Milliseconds(absl::Now() - idle_since_));
  requests_.HandOver(state);
  return state;
}

bool Session::AdoptChild(const handover::Session& before) {
  if (!before.has_child()) return false;
  absl::StatusOr<std::unique_ptr<ClaudeChild>> child =
      ClaudeChild::Adopt(loop_, ChildIn(before), *this);
  if (!child.ok()) {
    LogError("session ", id_, ": ", child.status().message(), "; its child is waited for");
    return false;
  }
  child_ = *std::move(child);
  spec_.AdoptChild(before);
  queue_.GoOn(before.in_flight());
  if (before.in_flight().empty()) {
    ArmIdleTimer(absl::Milliseconds(std::max<int64_t>(0, before.idle_ms())));
  }
  in_flight_.SetChild(child_.get());
  in_flight_.GoOn(before);
  requests_.GoOn(before);
  // Readers drop what they have of a line where another life begins: they get it from its start.
  child_->ReadOn(before.unfinished_line());
  UpdateBackPressure();
  return true;
}

}  // namespace iris
