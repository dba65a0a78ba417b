#include "agent/session/session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/handover/handover.pb.h"
#include "common/base/utf8.h"

namespace iris {
namespace {

constexpr size_t kProgramBytesShown = 80;

}  // namespace

Session::Session(EventLoop& loop, const AgentIdentity& identity, std::string session_id,
                 std::unique_ptr<SessionFiles> files, ProcessId stray_keeper,
                 const handover::Session* before, ChildStarter start_child, StrayKiller kill_strays)
    : loop_(loop),
      identity_(identity),
      id_(std::move(session_id)),
      files_(std::move(files)),
      start_child_(std::move(start_child)),
      kill_strays_(std::move(kill_strays)),
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
      idle_since_(absl::Now()) {
  files_->StampWith(identity.host_age);
  if (before == nullptr || !GoOnWithChild(*before)) Recover(stray_keeper);
  if (before == nullptr) return;
  queue_.TakeTexts(*before);
  AskTranscript();
  if (phase() == Phase::kNone && queue_.any_waits()) StartChild();
  if (phase() == Phase::kReady && queue_.any_waits()) WriteNextTell();
}

Session::~Session() {
  CancelTimer(idle_timer_);
  CancelTimer(drain_timer_);
  CancelTimer(look_timer_);
  CancelTimer(request_timer_);
}

absl::StatusOr<uint64_t> Session::Acquire(const v1::AcquireRequest& request) {
  const absl::StatusOr<Lease::Grant> grant = lease_.Acquire(request);
  if (!grant.ok()) return grant.status();
  if (grant->fenced.has_value()) log_.Fence(*grant->fenced, OpenTells());
  return grant->epoch;
}

// A long path loses its beginning, so that what happened is not cut off behind it.
std::string Session::WhoRuns() const {
  return absl::StrCat(Who(), " (", CutUtf8ToEnd(program_, kProgramBytesShown), ")");
}

void Session::CancelTimer(EventLoop::TimerId& timer) {
  if (timer != 0) loop_.Cancel(timer);
  timer = 0;
}

// --------------------------------------------------------------------------------------- snapshots

v1::ChildInfo Session::ChildInfo() const {
  v1::ChildInfo info;
  if (draining_) {
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

Session::Phase Session::phase() const {
  if (draining_) return Phase::kDraining;
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
      return turn_ != nullptr ? v1::SESSION_BUSY : v1::SESSION_READY;
    case Phase::kClosing:
      return v1::SESSION_CLOSING;
    case Phase::kDraining:
      return v1::SESSION_DRAINING;
  }
  return v1::SESSION_UNSPECIFIED;
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
  if (turn_ != nullptr) info.set_tell_in_flight(turn_->tell_id);
  queue_.Describe(info);
  info.set_journal_bytes(journal().bytes());
  if (OpenTells().empty()) {
    info.set_idle_ms(absl::ToInt64Milliseconds(absl::Now() - idle_since_));
  }
  info.set_readers(static_cast<uint32_t>(log_.reader_count()));
  if (std::optional<v1::Stall> stall = stall_.Diagnose(StallNow())) {
    *info.mutable_stall() = *std::move(stall);
  }
  return info;
}

// ------------------------------------------------------------------------------------ the journal

void Session::Acknowledge(uint64_t seq) {
  queue_.ForgetOutcomesUpTo(seq);
  log_.Acknowledge(seq);
}

// A full journal stops the reading, the pipe fills, and claude waits: nothing is dropped. One that
// is being ended is read to its end, which cannot be far.
void Session::UpdateBackPressure() {
  const bool pause = child_ != nullptr && journal().full() && phase() != Phase::kClosing;
  if (child_ != nullptr) child_->PauseOutput(pause);
  stall_.OnJournalFull(pause, StallNow());
  stall_.OnStorageFull(pause && !journal().CheckDisk().ok(), StallNow());
}

}  // namespace iris
