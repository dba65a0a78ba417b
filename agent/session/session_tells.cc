// A session's tells: accepted, written one at a time, settled once.

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/session/session.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/log/log.h"

namespace iris {

absl::Status Session::Tell(const std::string& tell_id, std::string text, bool repeat, bool begun) {
  if (!IsUuid(tell_id)) return MakeFailure(v1::FAILURE_BAD_REQUEST, "tell id is not a UUID");
  if (!repeat && turn_ != nullptr && turn_->tell_id == tell_id) turn_->owes_whole = true;
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
  CancelTimer(idle_timer_);
  AskTranscript();
  if (phase() == Phase::kNone && queue_.any_waits()) {
    StartChild();
  } else {
    WriteNextTell();
  }
  return absl::OkStatus();
}

void Session::AskTranscript() {
  if (turn_ != nullptr || phase() == Phase::kDraining || phase() == Phase::kClosing) return;
  queue_.AskTranscript();
}

void Session::WriteNextTell() {
  if (phase() != Phase::kReady || turn_ != nullptr) return;
  if (EndOutdatedChild()) return;
  if (!queue_.any_waits()) return ArmIdleTimer();
  if (const absl::Status held = claim_.Hold(); !held.ok()) return LoseClaim(held);
  const TellQueue::Next tell = queue_.WriteNext();
  turn_ = std::make_unique<Turn>(loop_, tell.id);
  stall_.OnTellWritten(StallNow());
  ArmProbe();
  idle_.OnTellWritten(StallNow());
  ArmIdleCheck();
  child_->Send(tell.id, tell.text);
}

void Session::LoseClaim(const absl::Status& why) {
  LogWarn("session ", id_, " is given up: ", why.message());
  queue_.SettleWaiting(why);
  BeginClosing(absl::ZeroDuration(), v1::Exited::TAKEN_OVER);
}

void Session::SettleInFlight(const absl::Status& outcome) {
  if (turn_ == nullptr) return;
  const absl::Status comes_to =
      turn_->owes_whole ? replay_.TellWhole(turn_->tell_id, outcome) : outcome;
  const std::unique_ptr<Turn> turn = std::move(turn_);
  stall_.OnTellOver();
  idle_.OnTellOver();
  queue_.Settle(turn->tell_id, comes_to);
  AskTranscript();
  if (turn->interrupt == nullptr) return;
  for (CancelDone& done : turn->interrupt->done) done(v1::TellState::WRITTEN);
}

}  // namespace iris
