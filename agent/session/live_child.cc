#include "agent/session/live_child.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/session/handed_child.h"
#include "agent/session/turn_failure.h"
#include "common/log/check.h"
#include "common/log/log.h"

namespace iris {

LiveChild::LiveChild(EventLoop& loop, const SessionContext& context, std::string session_id,
                     const Parts& parts, ChildStarter starter, LiveChildSink& sink, Text who)
    : loop_(loop),
      context_(context),
      id_(std::move(session_id)),
      parts_(parts),
      sink_(sink),
      who_(std::move(who)),
      idle_timer_(loop),
      idle_since_(absl::Now()),
      note_(context, parts.files, parts.claim, who_),
      start_(loop, context, {parts.files, parts.spec, parts.claim, note_}, std::move(starter),
             *this, *this, who_) {}

LiveChild::Phase LiveChild::phase() const {
  if (start_.is_under_way()) return start_.is_abandoned() ? Phase::kClosing : Phase::kStarting;
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
  info.set_pid(child_->pid());
  info.set_start_time(child_->start_time());
  info.set_claude_path(child_->program());
  info.set_boot_id(context_.boot_id);
  info.set_pid_namespace(context_.pid_namespace);
  info.set_started_at_ms(absl::ToUnixMillis(child_->started_at()));
  info.set_environment_id(parts_.spec.of_child().environment_id());
  return info;
}

void LiveChild::Describe(v1::SessionInfo& info) const {
  if (has_process()) *info.mutable_child() = Info();
  if (parts_.queue.Open().empty()) info.set_idle_ms(absl::ToInt64Milliseconds(IdleFor()));
}

TranscriptPlace LiveChild::Transcript() const {
  return exists() ? parts_.spec.TranscriptOfChild() : parts_.spec.TranscriptOfNext();
}

// -------------------------------------------------------------------------------------- its start

void LiveChild::Start() {
  Check(!exists() && !parts_.in_flight.any(), "a second child of a session is started");
  idle_timer_.Cancel();
  parts_.end.OnStarting();
  start_.Begin();
}

void LiveChild::OnProcess(std::unique_ptr<ClaudeChild> child) {
  Check(!exists(), "a second child of a session has a process");
  child_ = std::move(child);
}

void LiveChild::OnProcessHeld(const absl::Status& held) {
  if (phase() != Phase::kStarting) return;  // It is ended meanwhile.
  if (!held.ok()) return OnStartFailed(held);
  parts_.in_flight.SetChild(child_.get());
  parts_.in_flight.watch().OnChildStarted();
  child_->Initialize(parts_.spec.InitTimeoutOfChild());
}

void LiveChild::OnStartFailed(const absl::Status& why) {
  child_.reset();
  parts_.claim.Release();
  // It may be noted already: nobody is to wait for what is killed.
  if (note_.exists()) note_.Remove();
  sink_.OnStartFailed(why);
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
  sink_.OnStartFailed(parts_.end.WhyNotReady(ChildEnd::Child::Of(*child_), reason, why,
                                             parts_.spec.InitTimeoutOfChild()));
  End(absl::ZeroDuration(), v1::Exited::NOT_READY);
}

// ------------------------------------------------------------------------- what it says and asks

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
  if (start_.is_under_way()) return start_.Abandon();
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
  const absl::Status why = parts_.end.WhyDeaf();
  LogWarn(why.message());
  const bool was_starting = phase() == Phase::kStarting;
  parts_.in_flight.Fail(why, /*asked=*/false);
  End(absl::ZeroDuration(), v1::Exited::WEDGED);
  if (was_starting) sink_.OnStartFailed(why);
}

// OnGone() starts the next one. claude runs nothing twice, and says nothing of what it would not.
void LiveChild::GoOnElsewhere() {
  LogInfo(who_(), " (", child_->program(), ") has session ", id_, " elsewhere: it is resumed");
  start_.ResumeNextAnyway();
  parts_.requests.Drop();
  parts_.queue.SettleMaybeRead(TranscriptElsewhere(who_()));
}

void LiveChild::OnExited(const absl::StatusOr<ExitStatus>& how, bool was_starting) {
  idle_timer_.Cancel();
  parts_.in_flight.OnChildExited();
  const ChildEnd::Child ended = ChildEnd::Child::Of(*child_);
  // Nobody has heard of this child: whoever waits for it gets the next one.
  if (was_starting && !child_->resumed() && parts_.end.SaysItIsElsewhere(ended, id_)) {
    return GoOnElsewhere();
  }
  parts_.requests.Drop();
  v1::Event event;
  *event.mutable_exited() = parts_.end.Describe(ended, how);
  parts_.log.Append(std::move(event));
  const absl::Status why = parts_.end.WhyEnded(ended, how, was_starting);
  parts_.in_flight.Fail(why, /*asked=*/parts_.end.reason() == v1::Exited::CLOSED);
  // A child that does not even start would be started for ever.
  if (was_starting) sink_.OnStartFailed(why);
}

void LiveChild::OnGone() {
  Check(!start_.is_under_way() && !lingers_, "a child is gone that there was not");
  parts_.in_flight.SetChild(nullptr);
  child_.reset();
  parts_.claim.Release();
  note_.Remove();
  idle_since_ = absl::Now();
  lingers_ = parts_.in_flight.is_settling();
  if (!lingers_) sink_.OnChildGone();
}

void LiveChild::OnTellSettled() {
  if (std::exchange(lingers_, false)) sink_.OnChildGone();
}

void LiveChild::ForgetSurvivor() {
  Check(!exists(), "a child runs beside one of an earlier agent");
  if (note_.exists()) note_.Remove();
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
