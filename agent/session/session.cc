#include "agent/session/session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/claude/transcript.h"
#include "agent/session/turn_failure.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"

namespace iris {

Session::Session(EventLoop& loop, const SessionContext& context, std::string session_id,
                 std::unique_ptr<SessionFiles> files, ProcessId stray_keeper,
                 const handover::Session* before, ChildStarter start_child, StrayKiller kill_strays)
    : id_(std::move(session_id)),
      files_(std::move(files)),
      log_(files_->journal(), [this] { child_.UpdateBackPressure(); }),
      lease_(id_, context.hostname, *files_),
      spec_(context, id_, *files_, before),
      claim_(
          id_, context, *files_, [this] { return spec_.ClaimFile(); }, who_),
      replay_(
          log_, [this] { return [place = child_.Transcript()] { return FindTranscript(place); }; },
          who_, context.slow_work),
      queue_(
          files_->tells(), log_, replay_, [this] { return files_->CheckRoom(); }, who_,
          [this] { GoOn(); }),
      recovery_(loop, context, id_, *files_, claim_, std::move(kill_strays), *this),
      requests_(loop, context.request_patience, log_, *this, who_),
      end_(who_),
      in_flight_(loop, log_, replay_, queue_, end_, requests_, *this, who_),
      child_(loop, context, id_,
             {*files_, log_, spec_, claim_, queue_, requests_, end_, in_flight_},
             std::move(start_child), *this, who_) {
  files_->StampWith(context.host_age);
  if (before == nullptr || !child_.Adopt(*before)) {
    queue_.Recover();
    recovery_.Begin(stray_keeper);
  }
  if (before == nullptr) return;
  queue_.TakeTexts(*before);
  AskTranscript();
  if (queue_.any_waits()) StartNext();
}

absl::StatusOr<uint64_t> Session::Acquire(const v1::AcquireRequest& request) {
  const absl::StatusOr<Lease::Grant> grant = lease_.Acquire(request);
  if (!grant.ok()) return grant.status();
  if (grant->fenced.has_value()) log_.Fence(*grant->fenced, OpenTells());
  return grant->epoch;
}

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
  StartNext();
  return absl::OkStatus();
}

void Session::AskTranscript() {
  if (in_flight_.any() || recovery_.is_draining()) return;
  if (child_.phase() != LiveChild::Phase::kClosing) queue_.AskTranscript();
}

void Session::StartNext() {
  if (queue_.is_asking()) return;  // It is called again then.
  if (!is_free()) return child_.WriteNextTell();
  if (!opening_.empty() || queue_.any_waits()) child_.Start();
}

void Session::CancelTell(const std::string& tell_id, CancelDone done) {
  if (!IsUuid(tell_id)) {
    return done(MakeFailure(v1::FAILURE_BAD_REQUEST, "tell id is not a UUID"));
  }
  if (in_flight_.Is(tell_id)) return in_flight_.Cancel(std::move(done), cancel_patience_);
  if (queue_.Cancel(tell_id, std::move(done))) recovery_.End();
}

void Session::Open(const v1::LaunchSpec& spec, OpenDone done, bool takeover) {
  if (const absl::Status renewed = Renew(spec); !renewed.ok()) return done(renewed);
  const bool may_end =
      child_.phase() == LiveChild::Phase::kStarting || (is_ready() && !in_flight_.any());
  if (may_end) child_.EndIfOutdated();
  if (is_ready()) return done(child_.Opened(/*started=*/false));
  opening_.push_back(std::move(done));
  if (takeover) claim_.TakeOverNext();
  // Where one is being ended, or a survivor is waited for, it is started when that has gone.
  if (is_free()) StartNext();
}

// Nobody who waits for this child may be left waiting.
void Session::OnStartFailed(const absl::Status& why) {
  claim_.ForgetTakeover();
  for (OpenDone& done : std::exchange(opening_, {})) done(why);
  queue_.SettleWaiting(why);
}

void Session::OnChildReady() {
  claim_.ForgetTakeover();  // Asked for while it was starting: the start had the claim already.
  const v1::OpenResponse opened = child_.Opened(/*started=*/true);
  for (OpenDone& done : std::exchange(opening_, {})) done(opened);
  child_.WriteNextTell();
}

void Session::Close(absl::Duration grace, CloseDone done) {
  const absl::Status ended = EndedOnRequest(spec_.Who());
  OnStartFailed(ended);
  queue_.SettleTextless(ended);
  if (is_free() && !queue_.is_settling_lost()) return done(false);
  if (is_free()) {
    queue_.SettleLost(/*closed=*/true);
    closing_.push_back([done = std::move(done)](bool) mutable { done(false); });
    return;
  }
  closing_.push_back(std::move(done));
  if (recovery_.is_draining()) return recovery_.End();
  child_.End(grace > absl::ZeroDuration() ? grace : LiveChild::kDefaultGrace, v1::Exited::CLOSED);
}

void Session::OnSurvivorGone() {
  child_.ForgetSurvivor();
  queue_.SettleLost(/*closed=*/!closing_.empty());
  GoOn();
}

void Session::GoOn() {
  AskTranscript();
  if (is_free() && !queue_.is_settling_lost()) {
    for (CloseDone& done : std::exchange(closing_, {})) done(true);
  }
  StartNext();
}

std::string Session::WhyNoHandover() const {
  if (!journal().all_written()) return "its journal waits for room on the disk";
  if (claim_.is_busy()) return "its claim is being looked at";
  if (queue_.is_asking()) return "an answer is looked up in claude's transcript";
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

v1::SessionInfo Session::Info() const {
  v1::SessionInfo info;
  info.set_session_id(id_);
  info.set_state(state());
  recovery_.Describe(info);
  child_.Describe(info);
  spec_.Describe(info);
  lease_.Describe(info);
  if (state() == v1::SESSION_UNVERIFIABLE) claim_.DescribeOther(*info.mutable_claim());
  in_flight_.Describe(info);
  queue_.Describe(info);
  log_.Describe(info);
  return info;
}

}  // namespace iris
