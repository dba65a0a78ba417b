// A session's tells: accepted, written one at a time, settled once.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/session/session.h"
#include "common/base/ids.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "common/log/log.h"

namespace iris {

absl::Status Session::Tell(const std::string& tell_id, std::string text, bool repeat, bool begun) {
  if (!IsUuid(tell_id)) return MakeFailure(v1::FAILURE_BAD_REQUEST, "tell id is not a UUID");
  const v1::TellState::Phase came_to = files_->tells().PhaseOf(tell_id);
  if (came_to == v1::TellState::SETTLED) {
    if (HearsOutcome(tell_id, repeat)) return absl::OkStatus();
    settle_again_.insert(tell_id);
    AskTranscript();
    return absl::OkStatus();
  }
  if (!repeat && turn_ != nullptr && turn_->tell_id == tell_id) turn_->owes_whole = true;
  const bool known = came_to != v1::TellState::PHASE_UNSPECIFIED;
  if (known && !TakeTextOfKnown(tell_id, text, begun)) return absl::OkStatus();
  if (!opened()) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("session ", id_, " was not opened on this agent"));
  }
  if (const absl::Status refusal = CheckTell(text); !refusal.ok()) {
    Settle(tell_id, refusal);
    return absl::OkStatus();
  }
  CancelTimer(idle_timer_);
  if (!known) Accept(tell_id);
  waiting_bytes_ += text.size();
  // Also where it is known: a loss of power may have taken that it was written.
  waiting_.push_back(
      {tell_id, std::move(text), /*ask_transcript=*/repeat || known || begun, begun});
  AskTranscript();
  if (phase() == Phase::kNone && !waiting_.empty()) {
    StartChild();
  } else {
    WriteNextTell();
  }
  return absl::OkStatus();
}

bool Session::HearsOutcome(const std::string& tell_id, bool repeat) {
  if (!opened()) return true;  // Nothing ran, and nothing says more.
  if (repeat) return files_->tells().HasOutcome(tell_id);
  // It is new to the sender, who may have read the outcome before it knew of the tell; unless the
  // sender has cancelled it since.
  const auto overtaken = std::find(overtaken_.begin(), overtaken_.end(), tell_id);
  if (overtaken == overtaken_.end()) return false;
  overtaken_.erase(overtaken);
  return true;
}

// A turn that is told anew in the middle of another one would end that one for its reader.
void Session::AskTranscript() {
  if (turn_ != nullptr || phase() == Phase::kDraining || phase() == Phase::kClosing) return;
  for (const std::string& tell_id : std::exchange(settle_again_, {})) SettleAgain(tell_id);
  for (auto tell = waiting_.begin(); tell != waiting_.end();) {
    if (std::exchange(tell->ask_transcript, false) &&
        (SettledByTranscript(tell->id) || SettledAsBegun(tell->id, tell->begun))) {
      waiting_bytes_ -= tell->text.size();
      tell = waiting_.erase(tell);
    } else {
      ++tell;
    }
  }
}

// The host was wiped, or put back to a copy, in the middle of its turn.
bool Session::SettledAsBegun(const std::string& tell_id, bool begun) {
  if (!begun) return false;
  Settle(tell_id, MakeFailure(v1::FAILURE_AMBIGUOUS,
                              absl::StrCat(Who(),
                                           " had begun this message, and the host has lost what "
                                           "became of it: its files were removed, or put back "
                                           "from a copy")));
  return true;
}

// A coordinator whose store is older than what happened here: it was put back from a copy.
void Session::SettleAgain(const std::string& tell_id) {
  files_->tells().Forget(tell_id);
  Accept(tell_id);
  if (SettledByTranscript(tell_id)) return;
  Settle(tell_id, MakeFailure(v1::FAILURE_AMBIGUOUS,
                              absl::StrCat(Who(),
                                           " was through with this message before, and "
                                           "nothing says any more how it ended")));
}

void Session::Accept(const std::string& tell_id) {
  v1::Event event;
  event.mutable_accepted()->set_tell_id(tell_id);
  log_.Append(std::move(event));
  files_->tells().Set(tell_id, v1::TellState::ACCEPTED);
}

// True if `tell_id` is to be taken like a new one: its text died with an earlier agent. A lost one
// may need it later.
bool Session::TakeTextOfKnown(const std::string& tell_id, std::string& text, bool begun) {
  for (LostTell& lost : lost_) {
    if (lost.id != tell_id || lost.has_text || !CheckTell(text).ok()) continue;
    lost.has_text = true;
    lost.begun = begun;
    waiting_bytes_ += text.size();
    lost.text = std::move(text);
    return false;
  }
  return textless_.erase(tell_id) > 0;
}

absl::Status Session::CheckTell(absl::string_view text) const {
  if (text.size() > kTellBytesMax) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, "the message is longer than 8 MiB");
  }
  // claude ends at a line that is no JSON, so what is no UTF-8 must not get there.
  if (!IsUtf8(text)) return MakeFailure(v1::FAILURE_BAD_REQUEST, "the message is not UTF-8 text");
  if (waiting_.size() >= kTellsWaitingMax || waiting_bytes_ + text.size() > kWaitingBytesMax) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat(waiting_.size(), " messages of together ", waiting_bytes_,
                                    " bytes wait for ", Who(), " already"));
  }
  return files_->CheckRoom();
}

void Session::WriteNextTell() {
  if (phase() != Phase::kReady || turn_ != nullptr) return;
  if (EndOutdatedChild()) return;
  if (waiting_.empty()) return ArmIdleTimer();
  if (const absl::Status held = claim_.Hold(); !held.ok()) return LoseClaim(held);
  WaitingTell tell = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= tell.text.size();
  turn_ = std::make_unique<Turn>(loop_, tell.id);
  stall_.OnTellWritten(StallNow());
  ArmProbe();
  idle_.OnTellWritten(StallNow());
  ArmIdleCheck();
  v1::Event event;
  event.mutable_written()->set_tell_id(tell.id);
  log_.Append(std::move(event));
  files_->tells().Set(tell.id, v1::TellState::WRITTEN);
  child_->Send(tell.id, tell.text);
}

void Session::LoseClaim(const absl::Status& why) {
  LogWarn("session ", id_, " is given up: ", why.message());
  SettleWaiting(why);
  BeginClosing(absl::ZeroDuration(), v1::Exited::TAKEN_OVER);
}

void Session::SettleInFlight(const absl::Status& outcome) {
  if (turn_ == nullptr) return;
  const absl::Status comes_to = turn_->owes_whole ? TellWhole(outcome) : outcome;
  const std::unique_ptr<Turn> turn = std::move(turn_);
  stall_.OnTellOver();
  idle_.OnTellOver();
  Settle(turn->tell_id, comes_to);
  AskTranscript();
  if (turn->interrupt == nullptr) return;
  for (CancelDone& done : turn->interrupt->done) done(v1::TellState::WRITTEN);
}

void Session::SettleWaiting(const absl::Status& outcome) {
  std::deque<WaitingTell> waiting = std::exchange(waiting_, {});
  for (const WaitingTell& tell : waiting) {
    waiting_bytes_ -= tell.text.size();
    Settle(tell.id, outcome);
  }
}

void Session::Settle(const std::string& tell_id, const absl::Status& outcome) {
  if (files_->tells().PhaseOf(tell_id) == v1::TellState::SETTLED) return;  // Once.
  v1::Event event;
  event.mutable_settled()->set_tell_id(tell_id);
  if (!outcome.ok()) *event.mutable_settled()->mutable_failure() = ToProto(outcome);
  const uint64_t seq = log_.Append(std::move(event));
  log_.OnSettled(tell_id, seq);
  files_->tells().Set(tell_id, v1::TellState::SETTLED, seq);
}

std::vector<v1::TellState> Session::OpenTells() const { return files_->tells().Open(); }

}  // namespace iris
