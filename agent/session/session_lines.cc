// What claude says on stdout, line by line (facts: the stream-json protocol of claude 2.1).

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/claude/stream_json.h"
#include "agent/session/session.h"
#include "agent/session/turn_failure.h"
#include "common/failure/failure.h"

namespace iris {
void Session::OnPiece(absl::string_view piece, bool ends_line) {
  if (!ends_line) {
    stall_.OnOutput(StallNow());
    idle_.OnPiece(StallNow());
  }
  log_.AppendOutput(piece, /*more=*/!ends_line);
}

void Session::OnLine(const LineFacts& facts, absl::string_view head, bool head_is_whole) {
  idle_.OnLine(facts, head, StallNow());
  if (!facts.is_object) return;  // Noise of a hook or a wrapper: passed on, and no news.
  const LineKind kind = KindOfLine(facts);
  const bool is_control = kind == LineKind::kControlResponse || kind == LineKind::kControlRequest ||
                          kind == LineKind::kRequestWithdrawn;
  if (is_control || turn_ == nullptr) return;
  stall_.OnLine(facts, head, StallNow());
  turn_->limit.OnLine(facts, head_is_whole ? head : "");
  if (!turn_->replay_seen && SpeaksToAReader(facts)) turn_->spoke_before = true;
  if (kind == LineKind::kReplay && facts.uuid == turn_->tell_id) BeginAnswer();
  if (kind == LineKind::kResult) OnResult(facts, head, head_is_whole);
}

// claude repeats a line when it takes it up (a background task of its own may have the word until
// then), and repeats it again where it knows it already. A claude that repeats none begins its
// answer with `written`.
void Session::BeginAnswer() {
  if (std::exchange(turn_->replay_seen, true)) return;
  const bool spoke_before = std::exchange(turn_->spoke_before, false) || idle_.line_broken();
  turn_->limit.OnAnswerBegins();
  idle_.OnAnswerBegins();
  if (!spoke_before) return;
  v1::Event event;
  event.mutable_gap()->set_tell_id(turn_->tell_id);
  event.mutable_gap()->set_reason("claude was speaking of something else; the answer begins here");
  log_.Append(std::move(event));
}

void Session::OnResult(const LineFacts& facts, absl::string_view head, bool head_is_whole) {
  if (!IsResultFor(facts, turn_->tell_id, turn_->replay_seen) || turn_->awaited_for.has_value()) {
    return;
  }
  if (turn_->interrupt != nullptr && TurnBrokeOff(facts)) return OnTurnOver(TurnInterrupted(Who()));
  TurnError error;
  if (TurnFailed(facts)) {
    error = ReadTurnError(facts, head_is_whole ? head : "");
    turn_->limit.OnResult(error.text);
  }
  if (turn_->limit.reached()) return OnTurnOver(LimitReached(Who(), turn_->limit));
  if (TurnFailed(facts)) {
    OnTurnOver(
        MakeFailure(error.logged_out ? v1::FAILURE_CLAUDE_NOT_LOGGED_IN : v1::FAILURE_CLAUDE_ERROR,
                    absl::StrCat(Who(), " ended the turn with an error: ", error.text),
                    error.logged_out ? absl::string_view() : error.fix));
  } else if (turn_->permission_lost) {
    OnTurnOver(PermissionLost(Who(), end_reason_ == v1::Exited::CLOSED));
  } else if (idle_.text_lost() || turn_->owes_whole) {
    AwaitTranscript(head_is_whole ? head : "");
  } else {
    OnTurnOver(absl::OkStatus());
  }
}

}  // namespace iris
