#include "agent/session/turn.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "agent/claude/stream_json.h"
#include "agent/session/turn_failure.h"
#include "common/failure/failure.h"
#include "common/log/check.h"

namespace iris {
namespace {

// claude writes a message to its transcript shortly after it has said it.
constexpr absl::Duration kFirstLook = absl::Seconds(1);
constexpr absl::Duration kLastLook = absl::Seconds(4);  // After the first one.

}  // namespace

// claude repeats a line when it takes it up (a background task of its own may have the word until
// then), and repeats it again where it knows it already. A claude that repeats none begins its
// answer with `written`.
Turn::Heard Turn::OnLine(const LineFacts& facts, absl::string_view line) {
  limit_.OnLine(facts, line);
  said_.OnLine(facts);
  if (!replay_seen_ && SpeaksToAReader(facts)) spoke_before_ = true;
  const LineKind kind = KindOfLine(facts);
  if (kind == LineKind::kResult) return Heard::kResult;
  if (kind != LineKind::kReplay || facts.uuid != tell_id_) return Heard::kNothing;
  if (std::exchange(replay_seen_, true)) return Heard::kNothing;
  limit_.OnAnswerBegins();
  return Heard::kTakenUp;
}

Turn::Result Turn::ReadResult(const LineFacts& facts, absl::string_view line, bool text_lost,
                              bool closed) {
  if (!IsResultFor(facts, tell_id_, replay_seen_) || awaits_transcript()) return {};
  if (cancelled_ && TurnBrokeOff(facts)) return {Result::Kind::kOver, TurnInterrupted(who_())};
  TurnError error;
  if (TurnFailed(facts)) {
    error = ReadTurnError(facts, line);
    limit_.OnResult(error.text);
  }
  if (limit_.reached()) return {Result::Kind::kOver, LimitReached(who_(), limit_)};
  if (TurnFailed(facts)) {
    return {
        Result::Kind::kOver,
        MakeFailure(error.logged_out ? v1::FAILURE_CLAUDE_NOT_LOGGED_IN : v1::FAILURE_CLAUDE_ERROR,
                    absl::StrCat(who_(), " ended the turn with an error: ", error.text),
                    error.logged_out ? absl::string_view() : error.fix)};
  }
  if (permission_lost_) return {Result::Kind::kOver, PermissionLost(who_(), closed)};
  if (text_lost || owes_whole_) return {Result::Kind::kAwaitTranscript, absl::OkStatus()};
  return {Result::Kind::kOver, absl::OkStatus()};
}

void Turn::AwaitTranscript(absl::string_view result_line,
                           std::function<void(bool last_time)> look) {
  Check(!awaits_transcript(), "a transcript is waited for twice");
  awaited_for_ = std::string(result_line);
  await_timer_.Set(kFirstLook, [this, look = std::move(look)] {
    await_timer_.Set(kLastLook, [look] { look(/*last_time=*/true); });
    look(/*last_time=*/false);
  });
}

std::string Turn::EndAwaiting() {
  Check(awaits_transcript(), "no transcript is waited for");
  await_timer_.Cancel();
  std::string result_line = *std::move(awaited_for_);
  awaited_for_.reset();
  return result_line;
}

bool Turn::Cancel(CancelDone done) {
  cancel_done_.push_back(std::move(done));
  return !std::exchange(cancelled_, true);
}

void Turn::AwaitInterrupt(absl::Duration patience, EventLoop::Task on_late) {
  Check(cancelled_ && !awaits_interrupt_, "a turn is interrupted that nobody cancelled");
  awaits_interrupt_ = true;
  interrupt_timer_.Set(patience, std::move(on_late));
}

std::optional<absl::Status> Turn::OnInterruptAnswered(const std::vector<std::string>& dropped) {
  if (!cancelled_) return std::nullopt;
  awaits_interrupt_ = false;
  if (absl::c_linear_search(dropped, tell_id_)) outcome_ = TurnInterrupted(who_());
  return outcome_;
}

bool Turn::MayEnd(const absl::Status& outcome) {
  Check(cancelled_ || !awaits_interrupt_, "a turn awaits an interrupt that nobody asked for");
  if (!awaits_interrupt_) return true;
  outcome_ = outcome;
  return false;
}

absl::Status Turn::UnlessCancelled(const absl::Status& why) const {
  return cancelled_ ? OutcomeOr(TurnInterrupted(who_())) : why;
}

void Turn::HandOver(handover::Session& state) const {
  Check(!cancelled_ && !awaits_transcript(), "a turn is handed over that waits for its end");
  state.set_in_flight(tell_id_);
  state.set_replay_seen(replay_seen_);
  state.set_spoke_before(spoke_before_);
  state.set_owes_whole(owes_whole_);
  const LimitWatch::Seen& seen = limit_.seen();
  handover::Limit& limit = *state.mutable_limit();
  limit.set_rejected(seen.rejected);
  limit.set_model_spoke(seen.model_spoke);
  limit.set_ran(seen.ran);
  limit.set_said(seen.said);
  limit.set_resets_at_ms(seen.resets_at_ms);
  state.set_said_last(said_.last);
  state.set_called_tool(said_.called_tool);
}

void Turn::AdoptHandover(const handover::Session& before) {
  Check(!replay_seen_ && !cancelled_ && !awaits_transcript(), "a turn goes on that has begun here");
  replay_seen_ = before.replay_seen();
  spoke_before_ = before.spoke_before();
  owes_whole_ = before.owes_whole();
  limit_.Resume({.rejected = before.limit().rejected(),
                 .model_spoke = before.limit().model_spoke(),
                 .ran = before.limit().ran(),
                 .said = before.limit().said(),
                 .resets_at_ms = before.limit().resets_at_ms()});
  said_ = {.last = before.said_last(), .called_tool = before.called_tool()};
}

}  // namespace iris
