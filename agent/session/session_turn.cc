// A session while claude works on a tell: what it says, how the turn ends, and turns that are over
// although no result line says so.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/claude/stream_json.h"
#include "agent/session/session.h"
#include "agent/session/turn_failure.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "common/process/spawn.h"

namespace iris {

void Session::OnPiece(absl::string_view piece, bool ends_line) {
  if (!ends_line) watch_.OnPiece();
  log_.AppendOutput(piece, /*more=*/!ends_line);
}

void Session::OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) {
  const LineKind kind = KindOfLine(facts);
  // Noise of a hook or a wrapper is passed on, and no news.
  const bool is_of_turn = turn_ != nullptr && kind != LineKind::kNoise && !IsControlLine(kind);
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

void Session::BeginAnswer() {
  const bool spoke_before = turn_->SpokeBefore();
  const bool is_void = spoke_before || watch_.line_broken();
  watch_.OnAnswerBegins();
  if (!is_void) return;
  v1::Event event;
  event.mutable_gap()->set_tell_id(turn_->tell_id());
  event.mutable_gap()->set_reason("claude was speaking of something else; the answer begins here");
  log_.Append(std::move(event));
}

void Session::OnResult(const LineFacts& facts, absl::string_view line) {
  const Turn::Result result =
      turn_->ReadResult(facts, line, watch_.text_lost(), end_.reason() == v1::Exited::CLOSED);
  switch (result.kind) {
    case Turn::Result::Kind::kNotOurs:
      return;
    case Turn::Result::Kind::kAwaitTranscript:
      return turn_->AwaitTranscript(line, [this](bool last_time) { LookForAnswer(last_time); });
    case Turn::Result::Kind::kOver:
      return OnTurnOver(result.outcome);
  }
}

void Session::OnTurnOver(const absl::Status& outcome) {
  if (!turn_->MayEnd(outcome)) return;
  end_.OnTurnOver();
  SettleInFlight(outcome);
  WriteNextTell();
}

void Session::SettleInFlight(const absl::Status& outcome) {
  if (turn_ == nullptr) return;
  const absl::Status comes_to =
      turn_->owes_whole() ? replay_.TellWhole(turn_->tell_id(), outcome) : outcome;
  const std::unique_ptr<Turn> turn = std::move(turn_);
  watch_.OnTellOver();
  queue_.Settle(turn->tell_id(), comes_to);
  AskTranscript();
  for (CancelDone& done : turn->TakeCancels()) done(v1::TellState::WRITTEN);
}

void Session::OnInterruptAnswered(const std::vector<std::string>& dropped) {
  if (turn_ == nullptr) return;
  const std::optional<absl::Status> outcome = turn_->OnInterruptAnswered(dropped);
  if (outcome.has_value()) OnTurnOver(*outcome);
}

void Session::OnInterruptRefused() {
  if (turn_ == nullptr || !turn_->is_being_cancelled()) return;
  EndInterrupted("refused to be interrupted");
}

void Session::EndInterrupted(const std::string& why) {
  // The turn itself may be over, and only the answer missing.
  SettleInFlight(turn_->OutcomeOr(
      MakeFailure(v1::FAILURE_CANCELLED, absl::StrCat(Who(), " ", why, ", and was ended"))));
  BeginClosing(absl::ZeroDuration(), v1::Exited::WEDGED);
}

// ---------------------------------------------------------------------------------- what claude
// asks

void Session::OnRequest(const std::string& request_id, absl::string_view line) {
  absl::string_view why_nobody;
  if (!spec_.newest().ask_permissions()) {
    why_nobody = "Iris cannot ask anybody here.";
  } else if (phase() != Phase::kReady) {
    why_nobody = "This session is being ended.";
  }
  requests_.Ask(request_id, line, turn_ != nullptr ? turn_->tell_id() : "", why_nobody);
}

// ------------------------------------------------------------------------------- silence and
// idleness

void Session::OnSilent() {
  if (phase() == Phase::kReady) AskWhetherItLives();
}

void Session::AskWhetherItLives() {
  child_->Probe();
  watch_.OnProbeSent(ProcessCpuTime(child_->pid()));
}

void Session::OnProbeAnswered() {
  if (turn_ != nullptr) watch_.OnProbeAnswered();
}

void Session::OnIdleCheck() {
  // An interrupt and a transcript that is waited for have limits of their own.
  if (phase() != Phase::kReady || turn_->is_being_cancelled() || turn_->awaits_transcript()) return;
  const IdleWatch::Due due = watch_.Check(/*held=*/journal().full() || !requests_.empty());
  if (due == IdleWatch::Due::kNothing) return;
  // Only its newline is missing: it may be the result, and what comes next would become its rest.
  // The next check decides again.
  if (child_->scanner().unfinished_is_object()) return child_->FinishLine();
  if (due == IdleWatch::Due::kAsk) return AskWhetherItLives();
  if (due == IdleWatch::Due::kLook && watch_.HasWorked(ProcessCpuTime(child_->pid())) &&
      !watch_.probe_answered()) {
    return watch_.OnLooked();
  }
  SettleIdle(/*is_over=*/due == IdleWatch::Due::kSettle);
}

void Session::SettleIdle(bool is_over) {
  const bool is_wedged = !watch_.probe_answered() && !watch_.says_idle();
  const absl::StatusOr<TranscriptTurn> turn = replay_.Find(turn_->tell_id());
  const bool ended_well = turn.ok() && turn->state == TranscriptTurn::State::kEndedWell;
  if (!ended_well && !is_over) return watch_.OnLooked();
  // The rest of a line that is cut does not come any more. (That it is no object was seen before.)
  child_->FinishLine();
  LogWarn(Who(), " is idle, and its result line was lost");
  absl::Status outcome;
  if (ended_well) {
    TellAnew(*turn, "claude's result was lost; this is the transcript's text");
    if (turn_->permission_lost()) outcome = PermissionLost(Who(), /*closed=*/false);
  } else if (turn_->limit().reached()) {
    outcome = LimitReached(Who(), turn_->limit());
  } else {
    if (turn.ok() && !turn->lines.empty()) {
      TellAnew(*turn, "claude's result was lost; this is what the transcript has");
    }
    outcome =
        NothingSays(absl::StrCat(Who(),
                                 " is idle, and neither its output nor its transcript says how the "
                                 "message ended"),
                    turn.ok() ? turn->detail : turn.status().message());
  }
  if (!is_wedged) return OnTurnOver(outcome);
  // One that does not answer would keep the next message for ever.
  SettleInFlight(outcome);
  BeginClosing(absl::ZeroDuration(), v1::Exited::WEDGED);
}

void Session::LookForAnswer(bool last_time) {
  const absl::StatusOr<TranscriptTurn> turn = replay_.Find(turn_->tell_id());
  const bool has_it = turn.ok() && turn->state == TranscriptTurn::State::kEndedWell;
  if (!has_it && !last_time) return;
  const std::string result_line = turn_->EndAwaiting();
  if (has_it) {
    TellAnew(*turn, absl::StrCat(turn_->owes_whole() ? "the message came anew while it ran"
                                                     : "a line of claude's was broken",
                                 "; this is the transcript's text"));
    if (!result_line.empty()) log_.AppendOutput(result_line, /*more=*/false);
  }
  // Where it does not have it, the result may, or whoever puts the text together says what is lost.
  OnTurnOver(absl::OkStatus());
}

void Session::TellAnew(const TranscriptTurn& turn, absl::string_view reason) {
  replay_.Tell(turn_->tell_id(), turn.lines, reason);
  turn_->OnToldWhole();
}

absl::Status Session::UnlessInTranscript(const absl::Status& why) {
  if (!replay_.TellIfAnswered(turn_->tell_id())) return why;
  turn_->OnToldWhole();
  return absl::OkStatus();
}

}  // namespace iris
