#include "agent/session/session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/handover/handover.pb.h"
#include "agent/session/since.h"
#include "common/base/utf8.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kLabelBytesMax = 256;
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
      idle_since_(absl::Now()) {
  files_->journal().OnRoom([this] {
    if (!fenced_.empty() && journal().half_full()) return TrimJournal();
    UpdateBackPressure();
  });
  if (files_->launch() != nullptr) spec_ = *files_->launch();
  // What cannot be read is most likely another one: none is given.
  if (before != nullptr && !before->environment().empty() &&
      !spec_.mutable_environment()->ParseFromString(before->environment())) {
    spec_.clear_environment();
  }
  // No child of this agent has that of an earlier one.
  if (!spec_.has_environment()) spec_.clear_environment_id();
  if (before == nullptr || !GoOnWithChild(*before)) Recover(stray_keeper);
  if (before != nullptr) TakeTexts(*before);
}

Session::~Session() {
  CancelTimer(idle_timer_);
  CancelTimer(drain_timer_);
  CancelTimer(look_timer_);
  CancelTimer(request_timer_);
}

absl::StatusOr<uint64_t> Session::Acquire(const v1::AcquireRequest& request) {
  saved::State state = files_->state();
  const bool ours = state.epoch() == 0 || state.holder() == request.coordinator_id();
  const bool epoch_fits = !request.has_if_epoch() || request.if_epoch() == state.epoch();
  if (!request.takeover() && (!ours || !epoch_fits)) {
    return MakeFailure(v1::FAILURE_PERMISSION_DENIED,
                       absl::StrCat("session ", id_, " on ", identity_.hostname,
                                    " is held by another coordinator, ", state.label(),
                                    Since(absl::FromUnixMillis(state.holder_since_ms()))),
                       kFixTakeover);
  }
  const uint64_t epoch_before = state.epoch();
  const bool is_fenced = state.holder() != request.coordinator_id();
  if (is_fenced) state.set_holder_since_ms(absl::ToUnixMillis(absl::Now()));
  state.set_holder(request.coordinator_id());
  state.set_label(CutUtf8(request.label(), kLabelBytesMax));
  state.set_epoch(state.epoch() + 1);
  if (absl::Status saved = Save(state); !saved.ok()) return saved;
  for (const SessionReader* reader : readers_) {
    if (is_fenced && reader->epoch() == epoch_before) fenced_.Add(*reader, OpenTells());
  }
  return state.epoch();
}

absl::Status Session::CheckEpoch(uint64_t epoch) const {
  const saved::State& lease = files_->state();
  if (epoch == lease.epoch() && epoch != 0) return absl::OkStatus();
  return MakeFailure(
      v1::FAILURE_PERMISSION_DENIED,
      absl::StrCat("session ", id_, " on ", identity_.hostname, " is held by ", lease.label(),
                   Since(absl::FromUnixMillis(lease.holder_since_ms())), ": epoch ", epoch,
                   " is over, ", lease.epoch(), " counts"),
      kFixTakeover);
}

// A long path loses its beginning, so that what happened is not cut off behind it.
std::string Session::WhoRuns() const {
  return absl::StrCat(Who(), " (", CutUtf8ToEnd(program_, kProgramBytesShown), ")");
}

std::string Session::Who() const {
  return absl::StrCat("claude for team ", spec_.team(), " on ", identity_.hostname);
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
  info.set_environment_id(child_spec_.environment_id());
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
      return claimed_by_.has_value() ? v1::SESSION_UNVERIFIABLE : v1::SESSION_NO_CHILD;
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
  info.set_team(spec_.team());
  info.set_from(spec_.from());
  info.set_cwd(spec_.cwd());
  info.set_epoch(files_->state().epoch());
  info.set_coordinator_id(files_->state().holder());
  info.set_label(files_->state().label());
  info.set_holder_since_ms(files_->state().holder_since_ms());
  DescribeClaim(info);
  info.set_tells_waiting(static_cast<uint32_t>(waiting_.size() + textless_.size()));
  if (turn_ != nullptr) info.set_tell_in_flight(turn_->tell_id);
  if (!lost_.empty()) info.set_tell_in_flight(lost_.front().id);
  info.set_journal_bytes(journal().bytes());
  if (OpenTells().empty()) {
    info.set_idle_ms(absl::ToInt64Milliseconds(absl::Now() - idle_since_));
  }
  info.set_readers(static_cast<uint32_t>(readers_.size()));
  if (std::optional<v1::Stall> stall = stall_.Diagnose(StallNow())) {
    *info.mutable_stall() = *std::move(stall);
  }
  return info;
}

// ------------------------------------------------------------------------------------ the journal

void Session::Append(v1::Event event) {
  files_->journal().Append(std::move(event));
  UpdateBackPressure();
  for (SessionReader* reader : readers_) reader->OnNewEvents();
  if (!fenced_.empty() && journal().half_full()) TrimJournal();
}

void Session::Acknowledge(uint64_t seq) {
  acknowledged_ = std::max(acknowledged_, std::min(seq, journal().newest_seq()));
  files_->tells().ForgetOutcomesUpTo(seq);
  TrimJournal();
}

void Session::RemoveReader(SessionReader* reader) {
  readers_.erase(reader);
  if (fenced_.empty()) return;
  fenced_.Remove(*reader);
  TrimJournal();
}

void Session::ForgetFencedReaders() {
  fenced_.Clear();
  TrimJournal();
}

void Session::OnReaderSent() {
  if (!fenced_.empty()) TrimJournal();
}

void Session::TrimJournal() {
  // The child must not wait for who has no say here any more.
  if (journal().half_full()) fenced_.Clear();
  files_->journal().Trim(std::min(acknowledged_, fenced_.NeedNothingUpTo()));
  UpdateBackPressure();
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
