#include "agent/session/live_child.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/session/handed_child.h"
#include "common/failure/agent_fix.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

constexpr absl::Duration kDefaultInitTimeout = absl::Seconds(30);

absl::Duration InitTimeout(const v1::LaunchSpec& spec) {
  return spec.init_timeout_ms() > 0 ? absl::Milliseconds(spec.init_timeout_ms())
                                    : kDefaultInitTimeout;
}

}  // namespace

LiveChild::LiveChild(EventLoop& loop, const SessionContext& context, std::string session_id,
                     const Parts& parts, ChildStarter start, LiveChildSink& sink, Text who)
    : loop_(loop),
      context_(context),
      id_(std::move(session_id)),
      parts_(parts),
      start_(std::move(start)),
      sink_(sink),
      who_(std::move(who)),
      idle_timer_(loop),
      idle_since_(absl::Now()) {}

LiveChild::Phase LiveChild::phase() const {
  if (preparing_) return abandoned_ ? Phase::kClosing : Phase::kStarting;
  if (child_ == nullptr) return lingers_ ? Phase::kClosing : Phase::kNone;
  switch (child_->state()) {
    case ClaudeChild::State::kStarting:
      return Phase::kStarting;
    case ClaudeChild::State::kReady:
      return Phase::kReady;
    case ClaudeChild::State::kEnding:
      break;
  }
  return Phase::kClosing;
}

v1::SessionState LiveChild::state() const {
  switch (phase()) {
    case Phase::kNone:
      return parts_.claim.is_anothers() ? v1::SESSION_UNVERIFIABLE : v1::SESSION_NO_CHILD;
    case Phase::kStarting:
      return v1::SESSION_STARTING;
    case Phase::kReady:
      return parts_.in_flight.any() ? v1::SESSION_BUSY : v1::SESSION_READY;
    case Phase::kClosing:
      return v1::SESSION_CLOSING;
  }
  return v1::SESSION_UNSPECIFIED;
}

v1::OpenResponse LiveChild::Opened(bool started) const {
  Check(phase() == Phase::kReady, "a child that is not ready is reported as opened");
  v1::OpenResponse response;
  *response.mutable_child() = Info();
  response.set_started(started);
  response.set_resumed(child_->resumed());
  return response;
}

v1::ChildInfo LiveChild::Info() const {
  v1::ChildInfo info;
  if (child_ == nullptr) return info;
  info.set_pid(child_->pid());
  info.set_start_time(child_->start_time());
  info.set_claude_path(child_->program());
  info.set_boot_id(context_.boot_id);
  info.set_pid_namespace(context_.pid_namespace);
  info.set_started_at_ms(absl::ToUnixMillis(child_->started_at()));
  info.set_environment_id(parts_.spec.of_child().environment_id());
  return info;
}

TranscriptPlace LiveChild::Transcript() const {
  return exists() ? parts_.spec.TranscriptOfChild() : parts_.spec.TranscriptOfNext();
}

// -------------------------------------------------------------------------------------- its start

void LiveChild::Start() {
  Check(!exists() && !parts_.in_flight.any(), "a second child of a session is started");
  idle_timer_.Cancel();
  parts_.end.OnStarting();
  preparing_ = true;
  parts_.spec.Plan([this](absl::StatusOr<LaunchPlan> plan) { OnPlanned(std::move(plan)); });
}

void LiveChild::OnPlanned(absl::StatusOr<LaunchPlan> plan) {
  Check(preparing_, "what is started is planned for none");
  if (abandoned_ || !plan.ok()) return StopPreparing(plan.status());
  parts_.claim.TakeForStart([this, plan = *std::move(plan)](const absl::Status& claimed) mutable {
    OnClaimed(claimed, std::move(plan));
  });
}

void LiveChild::OnClaimed(const absl::Status& claimed, LaunchPlan plan) {
  Check(preparing_, "a session is claimed for no child");
  if (abandoned_ || !claimed.ok()) return StopPreparing(claimed);
  if (std::exchange(is_elsewhere_, false)) {
    ResumeAnyway(plan);
    return OnTranscriptSought(std::move(plan));
  }
  // By now: another host that shares this home may have had the session until it was claimed.
  parts_.spec.LookForTranscript(std::move(plan), [this](absl::StatusOr<LaunchPlan> found) {
    OnTranscriptSought(std::move(found));
  });
}

void LiveChild::OnTranscriptSought(absl::StatusOr<LaunchPlan> plan) {
  Check(preparing_, "a transcript is sought for no child");
  if (abandoned_ || !plan.ok()) return StopPreparing(plan.status());
  preparing_ = false;
  if (const absl::Status started = StartProcess(*plan); !started.ok()) return FailStart(started);
  parts_.claim.Hold([this, start = ++starts_](const absl::Status& held) {
    if (start == starts_) OnStartHeld(held);
  });
}

void LiveChild::StopPreparing(const absl::Status& why) {
  Check(preparing_ && !has_process(), "a child that runs is not started");
  preparing_ = false;
  if (std::exchange(abandoned_, false)) return OnGone();
  // A person has asked for it since.
  if (KindOf(why) == v1::FAILURE_WRONG_HOST && parts_.claim.takes_over_next()) return Start();
  FailStart(why);
}

absl::Status LiveChild::StartProcess(LaunchPlan& plan) {
  if (!context_.sessions_on_network) plan.child.life_file = parts_.files.life_path();
  absl::StatusOr<std::unique_ptr<ClaudeChild>> child =
      ClaudeChild::Start(loop_, plan.child, plan.resumes, start_, *this);
  if (!child.ok()) {
    const std::string what = absl::StrCat(who_(), " could not be started");
    return IsExhausted(child.status())
               ? Exhausted(child.status(), what)
               : MakeFailure(v1::FAILURE_CHILD_EXITED,
                             absl::StrCat(what, ": ", child.status().message()), kFixAgentFile);
  }
  child_ = *std::move(child);
  // Before its first byte: the next agent must know of it whatever it does with it.
  return Note();
}

// It is sent nothing before it is known to run nowhere else.
void LiveChild::OnStartHeld(const absl::Status& held) {
  if (phase() != Phase::kStarting) return;  // It is ended meanwhile.
  if (!held.ok()) return FailStart(held);
  parts_.in_flight.SetChild(child_.get());
  parts_.in_flight.watch().OnChildStarted();
  child_->Initialize(InitTimeout(parts_.spec.of_child()));
}

void LiveChild::FailStart(const absl::Status& why) {
  child_.reset();
  parts_.claim.Release();
  // It may be noted already: nobody is to wait for what is killed.
  if (parts_.files.state().has_child()) Save();
  sink_.OnStartFailed(why);
}

absl::Status LiveChild::Note() {
  saved::State state = parts_.files.state();
  if (!has_process()) {
    state.clear_child();
    return parts_.files.SaveState(std::move(state));
  }
  saved::Child& child = *state.mutable_child();
  child.set_keeper(child_->keeper());
  child.set_keeper_start_time(ProcessStartTime(child_->keeper()));
  child.set_pid(child_->pid());
  child.set_start_time(child_->start_time());
  child.set_boot_id(context_.boot_id);
  child.set_pid_namespace(context_.pid_namespace);
  child.set_life_lock(child_->holds_life_file());
  if (!parts_.claim.held_path().empty()) child.set_claim(parts_.claim.held_path());
  return parts_.files.SaveState(std::move(state));
}

void LiveChild::Save() {
  if (const absl::Status noted = Note(); !noted.ok()) LogError(who_(), ": ", noted.message());
}

void LiveChild::OnReady() {
  parts_.queue.OnChildReady();
  v1::Event event;
  *event.mutable_started()->mutable_child() = Info();
  event.mutable_started()->set_resumed(child_->resumed());
  parts_.log.Append(std::move(event));
  sink_.OnChildReady();
}

void LiveChild::OnNotReady(NotReady reason, const std::string& why) {
  sink_.OnStartFailed(
      parts_.end.WhyNotReady(EndOf(*child_), reason, why, InitTimeout(parts_.spec.of_child())));
  End(absl::ZeroDuration(), v1::Exited::NOT_READY);
}

// ------------------------------------------------------------------------------- what it says and
// asks

// A full journal stops the reading, the pipe fills, and claude waits: nothing is dropped. One that
// is being ended is read to its end, which cannot be far.
void LiveChild::UpdateBackPressure() {
  const Journal& journal = parts_.log.journal();
  const bool pause = exists() && journal.full() && phase() != Phase::kClosing;
  if (has_process()) child_->PauseOutput(pause);
  parts_.in_flight.watch().OnJournalFull(pause, /*disk_full=*/pause && !journal.CheckDisk().ok());
}

void LiveChild::OnStderr(absl::string_view bytes) {
  v1::Event event;
  event.mutable_stderr_text()->set_bytes(bytes.data(), bytes.size());
  parts_.log.Append(std::move(event));
}

void LiveChild::OnRequest(const std::string& request_id, absl::string_view line) {
  absl::string_view why_nobody;
  if (!parts_.spec.newest().ask_permissions()) {
    why_nobody = "Iris cannot ask anybody here.";
  } else if (phase() != Phase::kReady) {
    why_nobody = "This session is being ended.";
  }
  parts_.requests.Ask(request_id, line, parts_.in_flight.tell_id(), why_nobody);
}

void LiveChild::Decide(const std::string& request_id, const std::string& decision) {
  Check(has_process(), "there is no claude to be answered");
  child_->Decide(request_id, decision);
}

void LiveChild::Refuse(const std::string& request_id, const std::string& why) {
  Check(has_process(), "there is no claude to be refused");
  child_->Refuse(request_id, why);
}

void LiveChild::WriteNextTell() {
  if (phase() != Phase::kReady || parts_.in_flight.any()) return;
  if (writing_ || parts_.queue.is_asking()) return;
  if (EndIfOutdated()) return;
  if (!parts_.queue.any_waits()) return Idle();
  writing_ = true;
  parts_.claim.Hold([this](const absl::Status& held) {
    writing_ = false;
    OnTellHeld(held);
  });
}

void LiveChild::OnTellHeld(const absl::Status& held) {
  if (phase() != Phase::kReady) return;  // It is ended meanwhile, and the next one gets the tells.
  if (!held.ok()) {
    LogWarn("session ", id_, " is given up: ", held.message());
    parts_.queue.SettleWaiting(held);
    return End(absl::ZeroDuration(), v1::Exited::TAKEN_OVER);
  }
  if (parts_.queue.is_asking() || EndIfOutdated()) return;
  if (!parts_.queue.any_waits()) return Idle();  // Cancelled meanwhile.
  parts_.in_flight.WriteNext();
}

// ---------------------------------------------------------------------------------------- its end

void LiveChild::End(absl::Duration grace, v1::Exited::Reason reason) {
  if (!exists() || phase() == Phase::kClosing) return;
  idle_timer_.Cancel();
  if (preparing_) {
    abandoned_ = true;
    return;
  }
  child_->End(grace);
  UpdateBackPressure();
  parts_.end.OnEnding(reason);
  // Without stdin it takes every open request for refused, and goes on.
  if (parts_.requests.WaitsIn(parts_.in_flight.tell_id())) parts_.in_flight.LosePermission();
  parts_.requests.Drop();
}

bool LiveChild::EndIfOutdated() {
  if (!parts_.spec.IsOutdated()) return false;
  LogInfo("session ", id_, ": its child is ended, since the team is launched otherwise by now");
  End(kDefaultGrace, v1::Exited::CLOSED);
  return true;
}

void LiveChild::Idle(absl::Duration idle_for) {
  idle_timer_.Cancel();
  idle_since_ = absl::Now() - idle_for;
  const absl::Duration timeout = absl::Milliseconds(parts_.spec.newest().idle_timeout_ms());
  if (timeout <= absl::ZeroDuration()) return;
  idle_timer_.Set(timeout - idle_for, [this] {
    // Of a turn that nobody asked for, and that may go on.
    if (!parts_.requests.empty()) return Idle();
    End(kDefaultGrace, v1::Exited::IDLE);
  });
}

void LiveChild::OnDeaf() {
  const absl::Status why = MakeFailure(
      v1::FAILURE_CHILD_EXITED,
      absl::StrCat(who_(), " asked without end, read none of the answers, and was ended"));
  LogWarn(why.message());
  const bool was_starting = phase() == Phase::kStarting;
  parts_.in_flight.Fail(why, /*asked=*/false);
  End(absl::ZeroDuration(), v1::Exited::WEDGED);
  if (was_starting) sink_.OnStartFailed(why);
}

ChildEnd::Child LiveChild::EndOf(const ClaudeChild& child) const {
  return {.program = child.program(),
          .stderr_tail = child.stderr_tail(),
          .lived = absl::Now() - child.started_at()};
}

// There is a transcript, and not where the spec has it: the program may be a wrapper with a
// CLAUDE_CONFIG_DIR of its own.
bool LiveChild::SaysItIsElsewhere() const {
  return !child_->resumed() && parts_.end.reason() == v1::Exited::BY_ITSELF &&
         absl::StrContains(child_->stderr_tail(),
                           absl::StrCat("Session ID ", id_, " is already in use"));
}

// OnGone() starts the next one. claude runs nothing twice, and says nothing of what it would not.
void LiveChild::GoOnElsewhere() {
  LogInfo(who_(), " (", child_->program(), ") has session ", id_, " elsewhere: it is resumed");
  is_elsewhere_ = true;
  parts_.requests.Drop();
  parts_.queue.SettleMaybeRead(
      MakeFailure(v1::FAILURE_AMBIGUOUS,
                  absl::StrCat(who_(),
                               " lost its agent when it may have had this message, and its "
                               "transcript is not where Iris looks for it")));
}

void LiveChild::OnExited(const absl::StatusOr<ExitStatus>& how, bool was_starting) {
  idle_timer_.Cancel();
  parts_.in_flight.OnChildExited();
  // Nobody has heard of this child: whoever waits for it gets the next one.
  if (was_starting && SaysItIsElsewhere()) return GoOnElsewhere();
  parts_.requests.Drop();
  v1::Event event;
  *event.mutable_exited() = parts_.end.Describe(EndOf(*child_), how);
  parts_.log.Append(std::move(event));
  const absl::Status why = parts_.end.WhyEnded(EndOf(*child_), how, was_starting);
  parts_.in_flight.Fail(why, /*asked=*/parts_.end.reason() == v1::Exited::CLOSED);
  // A child that does not even start would be started for ever.
  if (was_starting) sink_.OnStartFailed(why);
}

void LiveChild::OnGone() {
  Check(!preparing_ && !lingers_, "a child is gone that there was not");
  parts_.in_flight.SetChild(nullptr);
  child_.reset();
  parts_.claim.Release();
  Save();
  idle_since_ = absl::Now();
  lingers_ = parts_.in_flight.is_settling();
  if (!lingers_) sink_.OnChildGone();
}

void LiveChild::OnTellSettled() {
  if (std::exchange(lingers_, false)) sink_.OnChildGone();
}

void LiveChild::ForgetSurvivor() {
  Check(!exists(), "a child runs beside one of an earlier agent");
  if (parts_.files.state().has_child()) Save();
  idle_since_ = absl::Now();
}

// ------------------------------------------------------------------------------------- an upgrade

std::string LiveChild::WhyNoHandover() const {
  switch (phase()) {
    case Phase::kNone:
      return "";
    case Phase::kStarting:
      return "claude is starting";
    case Phase::kClosing:
      return "claude is being ended";
    case Phase::kReady:
      break;
  }
  if (std::string why = parts_.in_flight.WhyNoHandover(); !why.empty()) return why;
  if (!child_->can_be_handed_over()) return "claude is ending";
  // Such a line is nowhere as a whole.
  if (!child_->scanner().holds_unfinished()) return "claude is in the middle of a long line";
  return "";
}

void LiveChild::HandOver(handover::Session& state) const {
  Check(phase() == Phase::kReady, "a child that is not ready is handed over");
  HandOverChild(*child_, state);
  parts_.in_flight.HandOver(state);
  state.set_idle_ms(absl::ToInt64Milliseconds(IdleFor()));
  parts_.requests.HandOver(state);
}

bool LiveChild::Adopt(const handover::Session& before) {
  Check(!exists(), "a second child of a session goes on");
  if (!before.has_child()) return false;
  absl::StatusOr<std::unique_ptr<ClaudeChild>> child =
      ClaudeChild::Adopt(loop_, ChildIn(before), *this);
  if (!child.ok()) {
    LogError("session ", id_, ": ", child.status().message(), "; its child is waited for");
    return false;
  }
  child_ = *std::move(child);
  parts_.spec.AdoptChild(before);
  parts_.queue.RecoverBeside(before.in_flight());
  if (before.in_flight().empty()) {
    Idle(absl::Milliseconds(std::max<int64_t>(0, before.idle_ms())));
  }
  parts_.in_flight.SetChild(child_.get());
  parts_.in_flight.AdoptHandover(before);
  parts_.requests.AdoptHandover(before);
  // Readers drop what they have of a line where another life begins: they get it from its start.
  child_->ReadOn(before.unfinished_line());
  UpdateBackPressure();
  return true;
}

}  // namespace iris
