#include "agent/session/in_flight.h"

#include "absl/strings/str_cat.h"
#include "agent/claude/stream_json.h"
#include "agent/session/turn_failure.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

bool EndedWell(const Replay::Turn& turn) {
  return turn.ok() && turn->state == TranscriptTurn::State::kEndedWell;
}

}  // namespace

void InFlight::SetChild(ClaudeChild* child) {
  Check(turn_ == nullptr || (child == nullptr && is_settling()),
        "the child of a tell in flight is another one");
  child_ = child;
}

// ------------------------------------------------------------------------------ its begin and end

void InFlight::WriteNext() {
  Check(child_is_ready() && turn_ == nullptr, "a tell is written to a claude that is not ready");
  const TellQueue::Next tell = queue_.WriteNext();
  turn_ = NewTurn(tell.id);
  watch_.OnTellWritten();
  child_->Send(tell.id, tell.text);
}

std::unique_ptr<Turn> InFlight::NewTurn(const std::string& tell_id) {
  return std::make_unique<Turn>(loop_, tell_id, who_);
}

void InFlight::LosePermission() {
  if (any()) turn_->LosePermission();
}

void InFlight::Cancel(CancelDone done, absl::Duration patience) {
  Check(turn_ != nullptr, "no tell is in flight to be cancelled");
  // A child that is being ended settles it by its end.
  if (!turn_->Cancel(std::move(done)) || is_settling() || !child_is_ready()) return;
  child_->Interrupt();
  turn_->AwaitInterrupt(patience, [this, patience] {
    EndInterrupted(absl::StrCat("did not stop within ", absl::FormatDuration(patience)));
  });
}

void InFlight::Fail(const absl::Status& why, bool asked) {
  if (!is_open()) return;
  const absl::Status outcome = turn_->UnlessCancelled(why);
  if (asked) return Settle(outcome, Then::kNothing);
  SettleByTranscript(
      [this, outcome](const Replay::Turn& turn) -> absl::Status {
        if (!replay_.ReplayIfAnswered(turn, turn_->tell_id())) return outcome;
        turn_->OnReplayedWhole();
        return absl::OkStatus();
      },
      Then::kNothing);
}

void InFlight::End(const absl::Status& outcome) {
  if (!turn_->MayEnd(outcome)) return;
  end_.OnTurnOver();
  Settle(outcome, Then::kTurnOver);
}

void InFlight::Settle(const absl::Status& outcome, Then then) {
  Check(is_open(), "a tell is settled that is not open");
  if (!turn_->owes_whole()) return Finish(outcome, then);
  SettleByTranscript([outcome](const Replay::Turn&) { return outcome; }, then);
}

void InFlight::SettleByTranscript(OutcomeBy outcome_by, Then then) {
  Check(is_open(), "a tell is settled that is not open");
  settling_ = Settling{.outcome_by = std::move(outcome_by), .then = then};
  watch_.OnTellOver();
  replay_.Look(turn_->tell_id(), turn_->said(),
               [this](const Replay::Turn& turn) { OnTranscript(turn); });
  if (!is_settling() || then != Then::kWedged) return;
  // A claude that does not stop is not kept for what it has written.
  settling_->then = Then::kNothing;
  sink_.OnWedged();
}

void InFlight::OnTranscript(const Replay::Turn& turn) {
  Check(any() && is_settling(), "a transcript is read for no tell");
  absl::Status outcome = settling_->outcome_by(turn);
  if (turn_->owes_whole()) outcome = replay_.ReplayWhole(turn, turn_->tell_id(), outcome);
  const Then then = settling_->then;
  settling_.reset();
  Finish(outcome, then);
}

void InFlight::Finish(const absl::Status& outcome, Then then) {
  Check(is_open(), "a tell is settled twice");
  const std::unique_ptr<Turn> turn = std::move(turn_);
  watch_.OnTellOver();
  queue_.Settle(turn->tell_id(), outcome);
  sink_.OnTellSettled();
  for (CancelDone& done : turn->TakeCancels()) done(v1::TellState::WRITTEN);
  if (then == Then::kTurnOver) sink_.OnTurnOver();
  if (then == Then::kWedged) sink_.OnWedged();
}

void InFlight::OnInterruptAnswered(const std::vector<std::string>& dropped) {
  if (!is_open()) return;
  const std::optional<absl::Status> outcome = turn_->OnInterruptAnswered(dropped);
  if (outcome.has_value()) End(*outcome);
}

void InFlight::OnInterruptRefused() {
  if (!is_open() || !turn_->is_being_cancelled()) return;
  EndInterrupted("refused to be interrupted");
}

void InFlight::EndInterrupted(const std::string& why) {
  if (!is_open()) return;
  // The turn itself may be over, and only the answer missing.
  Settle(turn_->OutcomeOr(
             MakeFailure(v1::FAILURE_CANCELLED, absl::StrCat(who_(), " ", why, ", and was ended"))),
         Then::kWedged);
}

// ---------------------------------------------------------------------------------- what is said

void InFlight::OnPiece(absl::string_view piece, bool ends_line) {
  if (!ends_line) watch_.OnPiece();
  ++said_;
  log_.AppendOutput(piece, /*more=*/!ends_line);
}

void InFlight::OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) {
  const LineKind kind = KindOfLine(facts);
  // Noise of a hook or a wrapper is passed on, and no news.
  const bool is_of_turn = is_open() && kind != LineKind::kNoise && !IsControlLine(kind);
  watch_.OnLine(facts, head, is_of_turn);
  if (!is_of_turn) return;
  const absl::string_view line = head_is_whole ? head : "";
  switch (turn_->OnLine(facts, line)) {
    case Turn::Heard::kNothing:
      return;
    case Turn::Heard::kTakenUp:
      return BeginAnswer();
    case Turn::Heard::kResult:
      return OnResult(facts, line);
  }
}

void InFlight::BeginAnswer() {
  const bool spoke_before = turn_->SpokeBefore();
  const bool is_void = spoke_before || watch_.line_broken();
  watch_.OnAnswerBegins();
  if (!is_void) return;
  v1::Event event;
  event.mutable_gap()->set_tell_id(turn_->tell_id());
  event.mutable_gap()->set_reason("claude was speaking of something else; the answer begins here");
  log_.Append(std::move(event));
}

void InFlight::OnResult(const LineFacts& facts, absl::string_view line) {
  const Turn::Result result =
      turn_->ReadResult(facts, line, watch_.text_lost(), end_.reason() == v1::Exited::CLOSED);
  switch (result.kind) {
    case Turn::Result::Kind::kNotOurs:
      return;
    case Turn::Result::Kind::kAwaitTranscript:
      return turn_->AwaitTranscript(line, [this](bool last_time) { LookForAnswer(last_time); });
    case Turn::Result::Kind::kOver:
      return End(result.outcome);
  }
}

// Its end is what it waits for: there is no later.
void InFlight::OnChildExited() {
  if (!is_open() || !turn_->awaits_transcript()) return;
  end_.OnTurnOver();
  SettleByTranscript(
      [this, result_line = turn_->EndAwaiting()](const Replay::Turn& turn) {
        ReplayAnswer(turn, result_line);
        return turn_->OutcomeOr(absl::OkStatus());
      },
      Then::kTurnOver);
}

void InFlight::LookForAnswer(bool last_time) {
  replay_.Look(turn_->tell_id(), turn_->said(),
               [this, id = turn_->tell_id(), last_time](const Replay::Turn& turn) {
                 // It may have been settled otherwise meanwhile.
                 if (Is(id) && is_open() && turn_->awaits_transcript()) {
                   EndByTranscript(turn, last_time);
                 }
               });
}

void InFlight::EndByTranscript(const Replay::Turn& turn, bool last_time) {
  if (!EndedWell(turn) && !last_time) return;
  ReplayAnswer(turn, turn_->EndAwaiting());
  End(absl::OkStatus());
}

// Where the transcript does not have it, the result may, or whoever puts the text together says
// what is lost.
void InFlight::ReplayAnswer(const Replay::Turn& turn, const std::string& result_line) {
  if (!EndedWell(turn)) return;
  ReplayTranscript(*turn, absl::StrCat(turn_->owes_whole() ? "the message came anew while it ran"
                                                           : "a line of claude's was broken",
                                       "; this is the transcript's text"));
  if (!result_line.empty()) log_.AppendOutput(result_line, /*more=*/false);
}

void InFlight::ReplayTranscript(const TranscriptTurn& turn, absl::string_view reason) {
  replay_.ReplaceOutput(turn_->tell_id(), turn.lines, reason);
  turn_->OnReplayedWhole();
}

// --------------------------------------------------------------------------- silence and idleness

void InFlight::OnSilent() {
  if (child_is_ready()) AskWhetherItLives();
}

void InFlight::AskWhetherItLives() {
  child_->Probe();
  watch_.OnProbeSent(ProcessCpuTime(child_->pid()));
}

void InFlight::OnProbeAnswered() {
  if (is_open()) watch_.OnProbeAnswered();
}

void InFlight::OnIdleCheck() {
  Check(is_open(), "no tell is in flight to be looked after");
  if (!MayBeIdle() || is_looking_) return;
  const IdleWatch::Due due = watch_.CheckIdle(log_.journal().full() || !requests_.empty());
  if (due == IdleWatch::Due::kNothing) return;
  // Only its newline is missing: it may be the result, and what comes next would become its rest.
  // The next check decides again.
  if (child_->scanner().unfinished_is_object()) return child_->FinishLine();
  if (due == IdleWatch::Due::kAsk) return AskWhetherItLives();
  if (due == IdleWatch::Due::kLook && watch_.HasWorked(ProcessCpuTime(child_->pid())) &&
      !watch_.probe_answered()) {
    return watch_.OnLooked();
  }
  is_looking_ = true;
  replay_.Look(turn_->tell_id(), turn_->said(),
               [this, id = turn_->tell_id(), said = said_,
                is_over = due == IdleWatch::Due::kSettle](const Replay::Turn& turn) {
                 is_looking_ = false;
                 // What was said meanwhile counts for more: the next check decides.
                 if (Is(id) && MayBeIdle() && said == said_) SettleIdle(turn, is_over);
               });
}

bool InFlight::MayBeIdle() const {
  return is_open() && child_is_ready() && !turn_->is_being_cancelled() &&
         !turn_->awaits_transcript();
}

void InFlight::SettleIdle(const Replay::Turn& turn, bool is_over) {
  const bool is_wedged = !watch_.probe_answered() && !watch_.says_idle();
  const bool ended_well = EndedWell(turn);
  if (!ended_well && !is_over) return watch_.OnLooked();
  // The rest of a line that is cut does not come any more. (That it is no object was seen before.)
  child_->FinishLine();
  LogWarn(who_(), " is idle, and its result line was lost");
  absl::Status outcome;
  if (ended_well) {
    ReplayTranscript(*turn, "claude's result was lost; this is the transcript's text");
    if (turn_->permission_lost()) outcome = PermissionLost(who_(), /*closed=*/false);
  } else if (turn_->limit().reached()) {
    outcome = LimitReached(who_(), turn_->limit());
  } else {
    if (turn.ok() && turn->state != TranscriptTurn::State::kBehind && !turn->lines.empty()) {
      ReplayTranscript(*turn, "claude's result was lost; this is what the transcript has");
    }
    outcome =
        NothingSays(absl::StrCat(who_(),
                                 " is idle, and neither its output nor its transcript says how the "
                                 "message ended"),
                    turn.ok() ? turn->detail : turn.status().message());
  }
  if (!is_wedged) return End(outcome);
  // One that does not answer would keep the next message for ever.
  Settle(outcome, Then::kWedged);
}

void InFlight::Describe(v1::SessionInfo& info) const {
  if (any()) info.set_tell_in_flight(tell_id());
  if (std::optional<v1::Stall> stall = watch_.Diagnose()) *info.mutable_stall() = *std::move(stall);
}

// ------------------------------------------------------------------------------------ an upgrade

std::string InFlight::WhyNoHandover() const {
  if (!any()) return "";
  if (turn_->is_being_cancelled()) return "a message is being cancelled";
  if (is_settling() || turn_->awaits_transcript())
    return "an answer is looked up in claude's transcript";
  return "";
}

void InFlight::HandOver(handover::Session& state) const {
  Check(!is_settling(), "a tell is handed over that is settling");
  if (any()) turn_->HandOver(state);
  watch_.HandOver(state);
}

void InFlight::AdoptHandover(const handover::Session& before) {
  Check(!any() && child_is_ready(), "a tell goes on beside another one, or without its claude");
  if (!before.in_flight().empty()) {
    turn_ = NewTurn(before.in_flight());
    turn_->AdoptHandover(before);
  }
  watch_.AdoptHandover(before, /*in_turn=*/any());
}

}  // namespace iris
