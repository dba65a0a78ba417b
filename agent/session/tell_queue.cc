#include "agent/session/tell_queue.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/session/turn_failure.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "common/log/check.h"

namespace iris {

// -------------------------------------------------------------------------- what earlier agents
// left

void TellQueue::Recover() {
  Check(lost_.empty() && waiting_.empty(), "tells are recovered after others came");
  for (const v1::TellState& tell : Open()) {
    if (tell.phase() == v1::TellState::WRITTEN) {
      lost_.push_back({.id = tell.tell_id()});
    } else {
      textless_.insert(tell.tell_id());
    }
  }
}

void TellQueue::RecoverBeside(absl::string_view in_flight) {
  Check(lost_.empty() && waiting_.empty(), "tells are recovered after others came");
  for (const v1::TellState& tell : Open()) {
    if (tell.tell_id() != in_flight) textless_.insert(tell.tell_id());
  }
}

void TellQueue::TakeTexts(const handover::Session& before) {
  const auto wait = [this](const handover::Tell& tell) {
    if (textless_.erase(tell.id()) == 0) return;  // Settled meanwhile, by the transcript.
    Wait({tell.id(), tell.text(), tell.ask_transcript(), tell.begun()});
  };
  for (const handover::Tell& tell : before.lost()) {
    const auto lost = std::find_if(lost_.begin(), lost_.end(),
                                   [&](const Lost& one) { return one.id == tell.id(); });
    if (lost == lost_.end()) {
      wait(tell);
      continue;
    }
    lost->has_text = true;
    lost->text = tell.text();
    lost->begun = tell.begun();
    text_bytes_ += tell.text().size();
  }
  for (const handover::Tell& tell : before.waiting()) wait(tell);
}

void TellQueue::HandOver(handover::Session& state) const {
  for (const Waiting& tell : waiting_) {
    handover::Tell& waiting = *state.add_waiting();
    waiting.set_id(tell.id);
    waiting.set_text(tell.text);
    waiting.set_ask_transcript(tell.ask_transcript);
    waiting.set_begun(tell.begun);
  }
  for (const Lost& tell : lost_) {
    if (!tell.has_text) continue;
    handover::Tell& lost = *state.add_lost();
    lost.set_id(tell.id);
    lost.set_text(tell.text);
    lost.set_begun(tell.begun);
  }
}

void TellQueue::SettleLost(bool closed) {
  lost_are_over_ = true;
  lost_closed_ = lost_closed_ || closed;
}

void TellQueue::SettleOneLost(const Replay::Turn& turn) {
  Check(is_settling_lost(), "a lost tell is settled, and none is looked up");
  Lost lost = std::move(lost_.front());
  lost_.pop_front();
  ForgetText(lost.text.size());
  std::vector<CancelDone> cancelled = std::move(lost.cancelled);
  const absl::Status ended = EndedOnRequest(who_());
  if (!SettledByTranscript(lost.id, turn, cancelled.empty() ? absl::OkStatus() : ended)) {
    if (!cancelled.empty() || lost_closed_) {
      Settle(lost.id, ended);
    } else if (!SettledAsBegun(lost.id, lost.begun)) {
      WaitAgain(std::move(lost));
    }
  }
  for (CancelDone& done : cancelled) done(v1::TellState::WRITTEN);
}

void TellQueue::WaitAgain(Lost lost) {
  Check(PhaseOf(lost.id) != v1::TellState::SETTLED, "a settled tell waits again");
  ledger_.Set(lost.id, v1::TellState::ACCEPTED);
  maybe_read_.insert(lost.id);
  if (!lost.has_text) {
    textless_.insert(lost.id);
    return;
  }
  text_bytes_ += lost.text.size();
  const auto behind_others = std::find_if(waiting_.begin(), waiting_.end(),
                                          [](const Waiting& tell) { return !tell.was_lost; });
  waiting_.insert(behind_others, {lost.id, std::move(lost.text), /*ask_transcript=*/false,
                                  /*begun=*/false, /*was_lost=*/true});
}

void TellQueue::SettleMaybeRead(const absl::Status& outcome) {
  for (const std::string& tell_id : std::exchange(maybe_read_, {})) {
    std::erase_if(waiting_, [&](const Waiting& tell) {
      if (tell.id == tell_id) ForgetText(tell.text.size());
      return tell.id == tell_id;
    });
    textless_.erase(tell_id);
    Settle(tell_id, outcome);
  }
}

bool TellQueue::is_cancelling_lost() const {
  return std::any_of(lost_.begin(), lost_.end(),
                     [](const Lost& lost) { return !lost.cancelled.empty(); });
}

// -------------------------------------------------------------------------------------- taking a
// tell

TellQueue::Offered TellQueue::Offer(const std::string& tell_id, std::string text, bool repeat,
                                    bool begun, bool opened) {
  const Phase came_to = PhaseOf(tell_id);
  if (came_to == v1::TellState::SETTLED) {
    if (HearsOutcome(tell_id, repeat, opened)) return Offered::kNothing;
    settle_again_.insert(tell_id);
    return Offered::kAsks;
  }
  const bool known = came_to != v1::TellState::PHASE_UNSPECIFIED;
  if (known && !TakeTextOfKnown(tell_id, text, begun)) return Offered::kNothing;
  if (!opened) return Offered::kNotOpened;
  if (const absl::Status refusal = CheckText(text); !refusal.ok()) {
    Settle(tell_id, refusal);
    return Offered::kNothing;
  }
  if (!known) Accept(tell_id);
  // Also where it is known: a loss of power may have taken that it was written.
  Wait({tell_id, std::move(text), /*ask_transcript=*/repeat || known || begun, begun});
  return Offered::kWaits;
}

bool TellQueue::HearsOutcome(const std::string& tell_id, bool repeat, bool opened) {
  if (!opened) return true;  // Nothing ran, and nothing says more.
  if (repeat) return ledger_.HasOutcome(tell_id);
  // It is new to the sender, who may have read the outcome before it knew of the tell; unless the
  // sender has cancelled it since.
  const auto overtaken = std::find(overtaken_.begin(), overtaken_.end(), tell_id);
  if (overtaken == overtaken_.end()) return false;
  overtaken_.erase(overtaken);
  return true;
}

bool TellQueue::TakeTextOfKnown(const std::string& tell_id, std::string& text, bool begun) {
  for (Lost& lost : lost_) {
    if (lost.id != tell_id || lost.has_text || !CheckText(text).ok()) continue;
    lost.has_text = true;
    lost.begun = begun;
    text_bytes_ += text.size();
    lost.text = std::move(text);
    return false;
  }
  return textless_.erase(tell_id) > 0;
}

absl::Status TellQueue::CheckText(absl::string_view text) const {
  if (text.size() > kTellBytesMax) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, "the message is longer than 8 MiB");
  }
  // claude ends at a line that is no JSON, so what is no UTF-8 must not get there.
  if (!IsUtf8(text)) return MakeFailure(v1::FAILURE_BAD_REQUEST, "the message is not UTF-8 text");
  if (waiting_.size() >= kTellsWaitingMax || text_bytes_ + text.size() > kWaitingBytesMax) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(waiting_.size(), " messages of together ", text_bytes_,
                                    " bytes wait for ", who_(), " already"));
  }
  return check_room_();
}

void TellQueue::ForgetText(size_t bytes) {
  Check(bytes <= text_bytes_, "less text waits than was taken");
  text_bytes_ -= bytes;
}

void TellQueue::Accept(const std::string& tell_id) {
  Check(PhaseOf(tell_id) == v1::TellState::PHASE_UNSPECIFIED, "a known tell is accepted");
  v1::Event event;
  event.mutable_accepted()->set_tell_id(tell_id);
  log_.Append(std::move(event));
  ledger_.Set(tell_id, v1::TellState::ACCEPTED);
}

void TellQueue::Wait(Waiting tell) {
  Check(PhaseOf(tell.id) != v1::TellState::SETTLED, "a settled tell waits");
  text_bytes_ += tell.text.size();
  waiting_.push_back(std::move(tell));
}

void TellQueue::AskTranscript() {
  in_ask_transcript_ = true;
  while (!is_asking_ && AskNext()) {
  }
  in_ask_transcript_ = false;
}

bool TellQueue::AskNext() {
  if (is_settling_lost()) {
    Ask(lost_.front().id, [this](const Replay::Turn& turn) { SettleOneLost(turn); });
    return true;
  }
  if (!settle_again_.empty()) {
    const std::string tell_id = *settle_again_.begin();
    Ask(tell_id, [this, tell_id](const Replay::Turn& turn) {
      settle_again_.erase(tell_id);
      SettleAgain(tell_id, turn);
    });
    return true;
  }
  const auto asks = std::find_if(waiting_.begin(), waiting_.end(),
                                 [](const Waiting& tell) { return tell.ask_transcript; });
  if (asks == waiting_.end()) return false;
  Ask(asks->id, [this, tell_id = asks->id](const Replay::Turn& turn) { OnAsked(tell_id, turn); });
  return true;
}

void TellQueue::Ask(const std::string& tell_id, Replay::Looked then) {
  Check(!is_asking_, "the transcript is asked twice at a time");
  is_asking_ = true;
  replay_.Look(tell_id, ledger_.SaidOf(tell_id),
               [this, then = std::move(then)](const Replay::Turn& turn) mutable {
                 Check(is_asking_, "the transcript answers what nobody asked");
                 is_asking_ = false;
                 then(turn);
                 if (!in_ask_transcript_ && on_asked_ != nullptr) on_asked_();
               });
}

void TellQueue::OnAsked(const std::string& tell_id, const Replay::Turn& turn) {
  const auto tell = std::find_if(waiting_.begin(), waiting_.end(),
                                 [&](const Waiting& one) { return one.id == tell_id; });
  if (tell == waiting_.end()) return;  // Cancelled meanwhile.
  tell->ask_transcript = false;
  if (!SettledByTranscript(tell_id, turn) && !SettledAsBegun(tell_id, tell->begun)) return;
  ForgetText(tell->text.size());
  waiting_.erase(tell);
}

void TellQueue::SettleAgain(const std::string& tell_id, const Replay::Turn& turn) {
  // Forgotten meanwhile, it may have come anew as one that nobody knows: then that one is settled.
  const Phase phase = PhaseOf(tell_id);
  if (phase == v1::TellState::ACCEPTED || phase == v1::TellState::WRITTEN) return;
  ledger_.Forget(tell_id);
  Accept(tell_id);
  if (SettledByTranscript(tell_id, turn)) return;
  Settle(tell_id, NothingSays(absl::StrCat(who_(),
                                           " was through with this message before, and "
                                           "nothing says any more how it ended"),
                              ""));
}

bool TellQueue::SettledByTranscript(const std::string& tell_id, const Replay::Turn& turn,
                                    const absl::Status& unless_ended) {
  const std::optional<absl::Status> outcome =
      replay_.OutcomeBy(turn, tell_id, ledger_.WasHeard(tell_id), unless_ended);
  if (outcome.has_value()) Settle(tell_id, *outcome);
  return outcome.has_value();
}

// The host was wiped, or put back to a copy, in the middle of its turn.
bool TellQueue::SettledAsBegun(const std::string& tell_id, bool begun) {
  if (!begun) return false;
  Settle(tell_id, NothingSays(absl::StrCat(who_(),
                                           " had begun this message, and the host has lost what "
                                           "became of it: its files were removed, or put back "
                                           "from a copy"),
                              ""));
  return true;
}

// -------------------------------------------------------------------------------------------- its
// end

TellQueue::Next TellQueue::WriteNext() {
  Check(!waiting_.empty(), "a tell is written, and none waits");
  Check(!is_asking_ && !is_settling_lost() && !waiting_.front().ask_transcript,
        "a tell is written before the transcript was asked");
  Check(PhaseOf(waiting_.front().id) != v1::TellState::SETTLED, "a settled tell is written");
  Waiting tell = std::move(waiting_.front());
  waiting_.pop_front();
  ForgetText(tell.text.size());
  v1::Event event;
  event.mutable_written()->set_tell_id(tell.id);
  log_.Append(std::move(event));
  ledger_.Set(tell.id, v1::TellState::WRITTEN);
  return {std::move(tell.id), std::move(tell.text)};
}

void TellQueue::Settle(const std::string& tell_id, const absl::Status& outcome) {
  if (PhaseOf(tell_id) == v1::TellState::SETTLED) return;  // Once.
  v1::Event event;
  event.mutable_settled()->set_tell_id(tell_id);
  if (!outcome.ok()) *event.mutable_settled()->mutable_failure() = ToProto(outcome);
  const uint64_t seq = log_.Append(std::move(event));
  log_.OnSettled(tell_id, seq);
  ledger_.Set(tell_id, v1::TellState::SETTLED, seq);
}

void TellQueue::SettleWaiting(const absl::Status& outcome) {
  for (const Waiting& tell : std::exchange(waiting_, {})) {
    ForgetText(tell.text.size());
    Settle(tell.id, outcome);
  }
}

void TellQueue::SettleTextless(const absl::Status& outcome) {
  for (const std::string& tell_id : std::exchange(textless_, {})) Settle(tell_id, outcome);
}

bool TellQueue::Cancel(const std::string& tell_id, CancelDone done) {
  const Phase phase = PhaseOf(tell_id);
  if (phase == v1::TellState::SETTLED) {
    done(phase);
    return false;
  }
  for (Lost& lost : lost_) {
    if (lost.id != tell_id) continue;
    lost.cancelled.push_back(std::move(done));
    return !lost_are_over_;
  }
  textless_.erase(tell_id);
  const auto waiting = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const Waiting& tell) { return tell.id == tell_id; });
  if (waiting != waiting_.end()) {
    ForgetText(waiting->text.size());
    waiting_.erase(waiting);
  }
  // An unknown one may be on its way here, on a stream that this call has overtaken: it is settled
  // when it comes.
  if (phase == v1::TellState::PHASE_UNSPECIFIED) {
    overtaken_.push_back(tell_id);
    if (overtaken_.size() > kOvertakenMax) overtaken_.pop_front();
  }
  Settle(tell_id, MakeFailure(v1::FAILURE_CANCELLED, "the message was cancelled while it waited"));
  done(phase);
  return false;
}

void TellQueue::Describe(v1::SessionInfo& info) const {
  info.set_tells_waiting(static_cast<uint32_t>(waiting_.size() + textless_.size()));
  if (!lost_.empty()) info.set_tell_in_flight(lost_.front().id);
}

}  // namespace iris
