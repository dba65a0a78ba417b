#include "agent/session/idle_watch.h"

#include "absl/strings/match.h"

namespace iris {
namespace {

// Members of the result line alone; its type may stand at its end.
bool IsOfResult(absl::string_view line) {
  return absl::StrContains(line, R"("type":"result")") ||
         absl::StrContains(line, R"("duration_api_ms":)") ||
         absl::StrContains(line, R"("total_cost_usd":)");
}

}  // namespace

void IdleWatch::OnChildStarted() { *this = IdleWatch(limits_); }

void IdleWatch::OnTellWritten(absl::Time now) {
  in_turn_ = true;
  broken_ = result_lost_ = text_lost_ = idle_in_turn_ = false;
  if (says_idle_since_.has_value()) says_idle_since_ = now;
  OnSign(now);
}

void IdleWatch::GoOn(bool line_broken, bool text_lost, bool says_idle, absl::Time now) {
  OnTellWritten(now);
  broken_ = line_broken;
  text_lost_ = text_lost;
  if (!says_idle) return;
  knows_state_ = idle_in_turn_ = true;
  says_idle_since_ = now;
}

void IdleWatch::OnSign(absl::Time now) {
  last_sign_ = next_look_ = now;
  asked_at_.reset();
  answered_ = false;
}

void IdleWatch::OnPiece(absl::Time now) {
  in_line_ = true;
  if (!asked_at_.has_value()) OnSign(now);
}

void IdleWatch::OnHeld(bool held, absl::Time now) {
  if (held_ != held) OnSign(now);
  held_ = held;
}

void IdleWatch::OnLine(const LineFacts& facts, absl::string_view head, absl::Time now) {
  in_line_ = false;
  if (facts.type == "control_response" && facts.is_object) return;
  if (!facts.is_object) {
    if (!absl::StartsWith(head, "{")) return;  // Noise of a hook or a wrapper.
    broken_ = state_lost_ = true;
    // Quotes inside of a string are escaped: nothing else holds these words.
    result_lost_ |= IsOfResult(head);
    text_lost_ |= absl::StrContains(head, R"("type":"assistant")");
    // The answer to what it was asked may be in there.
    asked_at_.has_value() ? OnAskAnswered() : OnSign(now);
    return;
  }
  OnSign(now);
  if (facts.type == "system" && facts.subtype == "session_state_changed") {
    knows_state_ = true;
    state_lost_ = false;
    idle_in_turn_ = in_turn_;
    says_idle_since_.reset();
    if (facts.state == "idle") says_idle_since_ = now;
  } else if (facts.type == "assistant" || facts.type == "user" || facts.type == "stream_event") {
    says_idle_since_.reset();
  }
}

void IdleWatch::OnAskSent(absl::Time now) {
  asked_at_ = now;
  answered_ = false;
}

// Each time after twice as much silence: a transcript may be long.
void IdleWatch::OnLooked(absl::Time now) { next_look_ = now + (now - last_sign_); }

IdleWatch::Due IdleWatch::Check(absl::Time now) const {
  if (!in_turn_ || held_) return Due::kNothing;
  if (says_idle_since_.has_value() && !state_lost_) {
    if (now - *says_idle_since_ < limits_.idle) return Due::kNothing;
    if (idle_in_turn_) return Due::kSettle;
    // It was idle before the tell. An answer says that it has read that.
    if (!asked_at_.has_value()) return Due::kAsk;
    return answered_ ? Due::kSettle : Due::kNothing;
  }
  // It works, by its own word.
  if (knows_state_ && !state_lost_ && !in_line_) return Due::kNothing;
  const absl::Duration silence = now - last_sign_;
  if (silence < (MayBeBroken() ? limits_.idle : limits_.silence)) return Due::kNothing;
  if (!asked_at_.has_value()) return Due::kAsk;
  if (!answered_ && now - *asked_at_ < limits_.answer) return Due::kNothing;
  if (result_lost_ || (MayBeBroken() && silence >= limits_.give_up)) return Due::kSettle;
  return now < next_look_ ? Due::kNothing : Due::kLook;
}

}  // namespace iris
