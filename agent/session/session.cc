#include "agent/session/session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/log/log.h"

namespace iris {

Session::Session(EventLoop& loop, const AgentIdentity& identity, std::string session_id,
                 std::unique_ptr<SessionFiles> files, ProcessId stray_keeper,
                 const handover::Session* before, ChildStarter start_child, StrayKiller kill_strays)
    : loop_(loop),
      identity_(identity),
      id_(std::move(session_id)),
      files_(std::move(files)),
      start_child_(std::move(start_child)),
      log_(files_->journal(), [this] { UpdateBackPressure(); }),
      lease_(id_, identity.hostname, *files_),
      spec_(identity, id_, *files_, before),
      claim_(
          id_, identity, *files_, [this] { return spec_.ClaimFile(); }, [this] { return Who(); }),
      replay_(
          log_,
          [this] {
            return child_ != nullptr ? spec_.TranscriptOfChild() : spec_.TranscriptOfNext();
          },
          [this] { return Who(); }),
      queue_(
          files_->tells(), log_, replay_, [this] { return files_->CheckRoom(); },
          [this] { return Who(); }),
      recovery_(loop, identity, id_, *files_, claim_, std::move(kill_strays), *this),
      requests_(loop, identity.request_patience, log_, *this, [this] { return Who(); }),
      end_([this] { return Who(); }),
      in_flight_(loop, log_, replay_, queue_, end_, requests_, *this, [this] { return Who(); }),
      idle_timer_(loop),
      idle_since_(absl::Now()) {
  files_->StampWith(identity.host_age);
  if (before == nullptr || !AdoptChild(*before)) {
    queue_.Recover();
    recovery_.Begin(stray_keeper);
  }
  if (before == nullptr) return;
  queue_.TakeTexts(*before);
  AskTranscript();
  if (queue_.any_waits()) GoOnWithTells();
}

absl::StatusOr<uint64_t> Session::Acquire(const v1::AcquireRequest& request) {
  const absl::StatusOr<Lease::Grant> grant = lease_.Acquire(request);
  if (!grant.ok()) return grant.status();
  if (grant->fenced.has_value()) log_.Fence(*grant->fenced, OpenTells());
  return grant->epoch;
}

void Session::Acknowledge(uint64_t seq) {
  queue_.ForgetOutcomesUpTo(seq);
  log_.Acknowledge(seq);
}

// A full journal stops the reading, the pipe fills, and claude waits: nothing is dropped. One that
// is being ended is read to its end, which cannot be far.
void Session::UpdateBackPressure() {
  const bool pause = child_ != nullptr && journal().full() && phase() != Phase::kClosing;
  if (child_ != nullptr) child_->PauseOutput(pause);
  in_flight_.watch().OnJournalFull(pause, /*disk_full=*/pause && !journal().CheckDisk().ok());
}

// ------------------------------------------------------------------------------------------ tells

absl::Status Session::Tell(const std::string& tell_id, std::string text, bool repeat, bool begun) {
  if (!IsUuid(tell_id)) return MakeFailure(v1::FAILURE_BAD_REQUEST, "tell id is not a UUID");
  if (!repeat && in_flight_.Is(tell_id)) in_flight_.OweWhole();
  switch (queue_.Offer(tell_id, std::move(text), repeat, begun, opened())) {
    case TellQueue::Offered::kNothing:
      return absl::OkStatus();
    case TellQueue::Offered::kNotOpened:
      return MakeFailure(v1::FAILURE_BAD_REQUEST,
                         absl::StrCat("session ", id_, " was not opened on this agent"));
    case TellQueue::Offered::kAsks:
      AskTranscript();
      return absl::OkStatus();
    case TellQueue::Offered::kWaits:
      break;
  }
  idle_timer_.Cancel();
  AskTranscript();
  GoOnWithTells();
  return absl::OkStatus();
}

void Session::AskTranscript() {
  if (in_flight_.any() || phase() == Phase::kDraining || phase() == Phase::kClosing) return;
  queue_.AskTranscript();
}

void Session::GoOnWithTells() {
  if (phase() == Phase::kNone && queue_.any_waits()) {
    StartChild();
  } else {
    WriteNextTell();
  }
}

void Session::WriteNextTell() {
  if (phase() != Phase::kReady || in_flight_.any()) return;
  if (EndOutdatedChild()) return;
  if (!queue_.any_waits()) return ArmIdleTimer();
  if (const absl::Status held = claim_.Hold(); !held.ok()) return LoseClaim(held);
  in_flight_.WriteNext();
}

void Session::LoseClaim(const absl::Status& why) {
  LogWarn("session ", id_, " is given up: ", why.message());
  queue_.SettleWaiting(why);
  BeginClosing(absl::ZeroDuration(), v1::Exited::TAKEN_OVER);
}

void Session::CancelTell(const std::string& tell_id, CancelDone done) {
  if (!IsUuid(tell_id)) {
    return done(MakeFailure(v1::FAILURE_BAD_REQUEST, "tell id is not a UUID"));
  }
  if (in_flight_.Is(tell_id)) return in_flight_.Cancel(std::move(done), cancel_patience_);
  if (queue_.Cancel(tell_id, std::move(done))) recovery_.End();
}

// -------------------------------------------------------------------------------------- snapshots

Session::Phase Session::phase() const {
  if (recovery_.is_draining()) return Phase::kDraining;
  if (child_ == nullptr) return Phase::kNone;
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

v1::SessionState Session::state() const {
  switch (phase()) {
    case Phase::kNone:
      return claim_.is_anothers() ? v1::SESSION_UNVERIFIABLE : v1::SESSION_NO_CHILD;
    case Phase::kStarting:
      return v1::SESSION_STARTING;
    case Phase::kReady:
      return in_flight_.any() ? v1::SESSION_BUSY : v1::SESSION_READY;
    case Phase::kClosing:
      return v1::SESSION_CLOSING;
    case Phase::kDraining:
      return v1::SESSION_DRAINING;
  }
  return v1::SESSION_UNSPECIFIED;
}

v1::ChildInfo Session::ChildInfo() const {
  v1::ChildInfo info;
  if (phase() == Phase::kDraining) {
    const saved::Child& survivor = files_->state().child();
    info.set_pid(survivor.pid());
    info.set_start_time(survivor.start_time());
    info.set_boot_id(survivor.boot_id());
    info.set_pid_namespace(survivor.pid_namespace());
  }
  if (child_ == nullptr) return info;
  info.set_pid(child_->pid());
  info.set_start_time(child_->start_time());
  info.set_claude_path(child_->program());
  info.set_boot_id(identity_.boot_id);
  info.set_pid_namespace(identity_.pid_namespace);
  info.set_started_at_ms(absl::ToUnixMillis(child_->started_at()));
  info.set_environment_id(spec_.of_child().environment_id());
  return info;
}

v1::SessionInfo Session::Info() const {
  v1::SessionInfo info;
  info.set_session_id(id_);
  info.set_state(state());
  if (phase() != Phase::kNone) *info.mutable_child() = ChildInfo();
  info.set_team(spec_.newest().team());
  info.set_from(spec_.newest().from());
  info.set_cwd(spec_.newest().cwd());
  lease_.Describe(info);
  if (state() == v1::SESSION_UNVERIFIABLE) claim_.DescribeOther(*info.mutable_claim());
  if (in_flight_.any()) info.set_tell_in_flight(in_flight_.tell_id());
  queue_.Describe(info);
  info.set_journal_bytes(journal().bytes());
  if (OpenTells().empty()) {
    info.set_idle_ms(absl::ToInt64Milliseconds(absl::Now() - idle_since_));
  }
  info.set_readers(static_cast<uint32_t>(log_.reader_count()));
  if (std::optional<v1::Stall> stall = in_flight_.watch().Diagnose()) {
    *info.mutable_stall() = *std::move(stall);
  }
  return info;
}

}  // namespace iris
