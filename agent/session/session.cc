#include "agent/session/session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/session/turn_failure.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/log/log.h"

namespace iris {

Session::Session(EventLoop& loop, const AgentIdentity& identity, std::string session_id,
                 std::unique_ptr<SessionFiles> files, ProcessId stray_keeper,
                 const handover::Session* before, ChildStarter start_child, StrayKiller kill_strays)
    : id_(std::move(session_id)),
      files_(std::move(files)),
      log_(files_->journal(), [this] { child_.UpdateBackPressure(); }),
      lease_(id_, identity.hostname, *files_),
      spec_(identity, id_, *files_, before),
      claim_(
          id_, identity, *files_, [this] { return spec_.ClaimFile(); },
          [this] { return spec_.Who(); }),
      replay_(
          log_, [this] { return child_.Transcript(); }, [this] { return spec_.Who(); }),
      queue_(
          files_->tells(), log_, replay_, [this] { return files_->CheckRoom(); },
          [this] { return spec_.Who(); }),
      recovery_(loop, identity, id_, *files_, claim_, std::move(kill_strays), *this),
      requests_(loop, identity.request_patience, log_, *this, [this] { return spec_.Who(); }),
      end_([this] { return spec_.Who(); }),
      in_flight_(loop, log_, replay_, queue_, end_, requests_, *this,
                 [this] { return spec_.Who(); }),
      child_(loop, identity, id_,
             {*files_, log_, spec_, claim_, queue_, requests_, end_, in_flight_},
             std::move(start_child), *this, [this] { return spec_.Who(); }) {
  files_->StampWith(identity.host_age);
  if (before == nullptr || !child_.Adopt(*before)) {
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
  child_.EndIdling();
  AskTranscript();
  GoOnWithTells();
  return absl::OkStatus();
}

void Session::AskTranscript() {
  if (in_flight_.any() || recovery_.is_draining()) return;
  if (child_.phase() != LiveChild::Phase::kClosing) queue_.AskTranscript();
}

void Session::GoOnWithTells() {
  if (is_free() && queue_.any_waits()) {
    child_.Start();
  } else {
    WriteNextTell();
  }
}

void Session::WriteNextTell() {
  if (!is_ready() || in_flight_.any()) return;
  if (child_.EndIfOutdated()) return;
  if (!queue_.any_waits()) return child_.Idle();
  if (const absl::Status held = claim_.Hold(); !held.ok()) {
    LogWarn("session ", id_, " is given up: ", held.message());
    queue_.SettleWaiting(held);
    return child_.End(absl::ZeroDuration(), v1::Exited::TAKEN_OVER);
  }
  in_flight_.WriteNext();
}

void Session::CancelTell(const std::string& tell_id, CancelDone done) {
  if (!IsUuid(tell_id)) {
    return done(MakeFailure(v1::FAILURE_BAD_REQUEST, "tell id is not a UUID"));
  }
  if (in_flight_.Is(tell_id)) return in_flight_.Cancel(std::move(done), cancel_patience_);
  if (queue_.Cancel(tell_id, std::move(done))) recovery_.End();
}

// ------------------------------------------------------------------------------------------ child

void Session::Open(const v1::LaunchSpec& spec, OpenDone done, bool takeover) {
  if (const absl::Status renewed = Renew(spec); !renewed.ok()) return done(renewed);
  const bool may_end =
      child_.phase() == LiveChild::Phase::kStarting || (is_ready() && !in_flight_.any());
  if (may_end) child_.EndIfOutdated();
  if (is_ready()) {
    v1::OpenResponse response;
    *response.mutable_child() = child_.Info();
    response.set_resumed(child_.resumed());
    done(response);
    return;
  }
  opening_.push_back(std::move(done));
  if (takeover) claim_.TakeOverNext();
  // Where one is being ended, or a survivor is waited for, it is started when that has gone.
  if (is_free()) child_.Start();
}

// Nobody who waits for this child may be left waiting.
void Session::OnStartFailed(const absl::Status& why) {
  claim_.ForgetTakeover();
  for (OpenDone& done : std::exchange(opening_, {})) done(why);
  queue_.SettleWaiting(why);
}

void Session::OnChildReady() {
  claim_.ForgetTakeover();  // Asked for while it was starting: the start had the claim already.
  v1::OpenResponse response;
  *response.mutable_child() = child_.Info();
  response.set_started(true);
  response.set_resumed(child_.resumed());
  for (OpenDone& done : std::exchange(opening_, {})) done(response);
  WriteNextTell();
}

void Session::Close(absl::Duration grace, CloseDone done) {
  const absl::Status ended = EndedOnRequest(spec_.Who());
  OnStartFailed(ended);
  queue_.SettleTextless(ended);
  if (is_free()) return done(false);
  closing_.push_back(std::move(done));
  if (recovery_.is_draining()) return recovery_.End();
  child_.End(grace > absl::ZeroDuration() ? grace : LiveChild::kDefaultGrace, v1::Exited::CLOSED);
}

void Session::OnSurvivorGone() {
  child_.ForgetSurvivor();
  queue_.SettleLost(/*closed=*/!closing_.empty());
  BeWithoutChild();
}

void Session::BeWithoutChild() {
  AskTranscript();
  for (CloseDone& done : std::exchange(closing_, {})) done(true);
  if (is_free() && (!opening_.empty() || queue_.any_waits())) child_.Start();
}

// ------------------------------------------------------------------------------------- an upgrade

std::string Session::WhyNoHandover() const {
  if (!journal().all_written()) return "its journal waits for room on the disk";
  if (!recovery_.is_draining()) return child_.WhyNoHandover();
  if (!closing_.empty()) return "claude is being ended";
  return queue_.is_cancelling_lost() ? "a message is being cancelled" : "";
}

std::optional<handover::Session> Session::HandOver() const {
  handover::Session state;
  state.set_session_id(id_);
  queue_.HandOver(state);
  spec_.HandOver(/*child=*/is_ready(), state);
  if (is_ready()) {
    child_.HandOver(state);
  } else if (state.waiting().empty() && state.lost().empty()) {
    return std::nullopt;
  }
  return state;
}

// -------------------------------------------------------------------------------------- snapshots

v1::SessionState Session::state() const {
  if (recovery_.is_draining()) return v1::SESSION_DRAINING;
  switch (child_.phase()) {
    case LiveChild::Phase::kNone:
      return claim_.is_anothers() ? v1::SESSION_UNVERIFIABLE : v1::SESSION_NO_CHILD;
    case LiveChild::Phase::kStarting:
      return v1::SESSION_STARTING;
    case LiveChild::Phase::kReady:
      return in_flight_.any() ? v1::SESSION_BUSY : v1::SESSION_READY;
    case LiveChild::Phase::kClosing:
      return v1::SESSION_CLOSING;
  }
  return v1::SESSION_UNSPECIFIED;
}

v1::ChildInfo Session::ChildInfo() const {
  if (!recovery_.is_draining()) return child_.Info();
  const saved::Child& survivor = files_->state().child();
  v1::ChildInfo info;
  info.set_pid(survivor.pid());
  info.set_start_time(survivor.start_time());
  info.set_boot_id(survivor.boot_id());
  info.set_pid_namespace(survivor.pid_namespace());
  return info;
}

v1::SessionInfo Session::Info() const {
  v1::SessionInfo info;
  info.set_session_id(id_);
  info.set_state(state());
  if (!is_free()) *info.mutable_child() = ChildInfo();
  info.set_team(spec_.newest().team());
  info.set_from(spec_.newest().from());
  info.set_cwd(spec_.newest().cwd());
  lease_.Describe(info);
  if (state() == v1::SESSION_UNVERIFIABLE) claim_.DescribeOther(*info.mutable_claim());
  if (in_flight_.any()) info.set_tell_in_flight(in_flight_.tell_id());
  queue_.Describe(info);
  info.set_journal_bytes(journal().bytes());
  if (OpenTells().empty()) {
    info.set_idle_ms(absl::ToInt64Milliseconds(child_.IdleFor()));
  }
  info.set_readers(static_cast<uint32_t>(log_.reader_count()));
  if (std::optional<v1::Stall> stall = in_flight_.watch().Diagnose()) {
    *info.mutable_stall() = *std::move(stall);
  }
  return info;
}

}  // namespace iris
