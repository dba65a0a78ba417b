// Cancelling one tell. A tell in flight is over when claude has answered the interrupt and the turn
// has ended: an interrupt that is still under way would hit the next one.

#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "agent/session/session.h"
#include "agent/session/turn_failure.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"

namespace iris {

void Session::CancelTell(const std::string& tell_id, CancelDone done) {
  if (!IsUuid(tell_id)) {
    return done(MakeFailure(v1::FAILURE_BAD_REQUEST, "tell id is not a UUID"));
  }
  if (turn_ != nullptr && turn_->tell_id == tell_id) return Interrupt(std::move(done));
  if (queue_.Cancel(tell_id, std::move(done))) EndSurvivor();
}

void Session::Interrupt(CancelDone done) {
  if (turn_->interrupt != nullptr) return turn_->interrupt->done.push_back(std::move(done));
  turn_->interrupt = std::make_unique<Turn::Interrupt>();
  turn_->interrupt->done.push_back(std::move(done));
  // A child that is being ended settles it by its end.
  if (phase() != Phase::kReady) return;
  turn_->interrupt->awaits_answer = true;
  child_->Interrupt();
  turn_->interrupt_timer = loop_.After(cancel_patience_, [this] {
    EndInterrupted(absl::StrCat("did not stop within ", absl::FormatDuration(cancel_patience_)));
  });
}

void Session::OnInterruptAnswered(const std::vector<std::string>& dropped) {
  if (turn_ == nullptr || turn_->interrupt == nullptr) return;
  Turn::Interrupt& interrupt = *turn_->interrupt;
  interrupt.awaits_answer = false;
  if (absl::c_linear_search(dropped, turn_->tell_id)) interrupt.outcome = TurnInterrupted(Who());
  if (interrupt.outcome.has_value()) OnTurnOver(absl::Status(*interrupt.outcome));
}

void Session::OnTurnOver(const absl::Status& outcome) {
  if (turn_->interrupt != nullptr && turn_->interrupt->awaits_answer) {
    turn_->interrupt->outcome = outcome;
    return;
  }
  ended_early_ = 0;
  SettleInFlight(outcome);
  WriteNextTell();
}

void Session::OnInterruptRefused() {
  if (turn_ == nullptr || turn_->interrupt == nullptr) return;
  EndInterrupted("refused to be interrupted");
}

void Session::EndInterrupted(const std::string& why) {
  // The turn itself may be over, and only the answer missing.
  SettleInFlight(turn_->interrupt->outcome.value_or(
      MakeFailure(v1::FAILURE_CANCELLED, absl::StrCat(Who(), " ", why, ", and was ended"))));
  BeginClosing(absl::ZeroDuration(), v1::Exited::WEDGED);
}

absl::Status Session::UnlessCancelled(const absl::Status& why) const {
  if (turn_ == nullptr || turn_->interrupt == nullptr) return why;
  return turn_->interrupt->outcome.value_or(TurnInterrupted(Who()));
}

}  // namespace iris
