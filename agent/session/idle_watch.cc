#include "agent/session/idle_watch.h"

#include "agent/claude/stream_json.h"

namespace iris {
void IdleWatch::OnChildStarted() { *this = IdleWatch(limits_); }

void IdleWatch::OnTellWritten(absl::Time now) {
  in_turn_ = true;
  seen_.line_broken = seen_.result_lost = seen_.text_lost = seen_.idle_in_turn = false;
  if (says_idle_since_.has_value()) says_idle_since_ = now;
  OnSign(now);
}

IdleWatch::Seen IdleWatch::seen() const {
  Seen seen = seen_;
  seen.says_idle = says_idle();
  return seen;
}

void IdleWatch::Resume(const Seen& seen, bool in_turn, absl::Time now) {
  if (in_turn) OnTellWritten(now);
  seen_ = seen;
  if (seen.says_idle) says_idle_since_ = now;
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
  const LineKind kind = KindOfLine(facts);
  if (kind == LineKind::kControlResponse) return;
  if (kind == LineKind::kNoise) return OnBroken(ReadBrokenLine(head), now);
  OnSign(now);
  switch (kind) {
    case LineKind::kState:
      seen_.knows_state = true;
      seen_.state_lost = false;
      seen_.idle_in_turn = in_turn_;
      says_idle_since_.reset();
      if (facts.state == "idle") says_idle_since_ = now;
      break;
    case LineKind::kAssistant:
    case LineKind::kSynthetic:
    case LineKind::kUser:
    case LineKind::kReplay:
    case LineKind::kStreamEvent:
      says_idle_since_.reset();
      break;
    default:
      break;
  }
}

void IdleWatch::OnBroken(const BrokenLine& line, absl::Time now) {
  if (!line.of_claude) return;
  seen_.line_broken = seen_.state_lost = true;
  seen_.result_lost |= line.is_result;
  seen_.text_lost |= line.has_text;
  // The answer to what it was asked may be in there.
  asked_at_.has_value() ? OnAskAnswered() : OnSign(now);
}

void IdleWatch::OnAskSent(absl::Time now) {
  asked_at_ = now;
  answered_ = false;
}

// Each time after twice as much silence: a transcript may be long.
void IdleWatch::OnLooked(absl::Time now) { next_look_ = now + (now - last_sign_); }

IdleWatch::Due IdleWatch::Check(absl::Time now) const {
  if (!in_turn_ || held_) return Due::kNothing;
  if (says_idle_since_.has_value() && !seen_.state_lost) {
    if (now - *says_idle_since_ < limits_.idle) return Due::kNothing;
    if (seen_.idle_in_turn) return Due::kSettle;
    // It was idle before the tell. An answer says that it has read that.
    if (!asked_at_.has_value()) return Due::kAsk;
    return answered_ ? Due::kSettle : Due::kNothing;
  }
  // It works, by its own word.
  if (seen_.knows_state && !seen_.state_lost && !in_line_) return Due::kNothing;
  const absl::Duration silence = now - last_sign_;
  if (silence < (MayBeBroken() ? limits_.idle : limits_.silence)) return Due::kNothing;
  if (!asked_at_.has_value()) return Due::kAsk;
  if (!answered_ && now - *asked_at_ < limits_.answer) return Due::kNothing;
  if (seen_.result_lost || (MayBeBroken() && silence >= limits_.give_up)) return Due::kSettle;
  return now < next_look_ ? Due::kNothing : Due::kLook;
}

}  // namespace iris
