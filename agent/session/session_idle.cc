// Turns that are over although no result line says so, and answers of which a line was broken: the
// transcript has what the output lost.

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/claude/transcript.h"
#include "agent/session/session.h"
#include "agent/session/turn_failure.h"
#include "common/log/log.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

// claude writes a message to its transcript shortly after it has said it.
constexpr absl::Duration kFirstLook = absl::Seconds(1);
constexpr absl::Duration kLastLook = absl::Seconds(4);        // After the first one.
constexpr absl::Duration kIdleCpu = absl::Milliseconds(100);  // While an answer is waited for.

}  // namespace

void Session::set_idle_limits(const IdleLimits& limits) {
  idle_limits_ = limits;
  idle_ = IdleWatch(limits);
}

void Session::ArmIdleCheck() {
  loop_.Cancel(turn_->idle_timer);
  turn_->idle_timer = loop_.After(idle_limits_.check_every, [this] { CheckIdle(); });
}

void Session::CheckIdle() {
  ArmIdleCheck();
  // An interrupt and a transcript that is waited for have limits of their own.
  if (phase() != Phase::kReady || turn_->interrupt != nullptr || turn_->awaited_for.has_value()) {
    return;
  }
  idle_.OnHeld(journal().full() || !requests_.empty(), StallNow());
  const IdleWatch::Due due = idle_.Check(StallNow());
  if (due == IdleWatch::Due::kNothing) return;
  // Only its newline is missing: it may be the result, and what comes next would become its rest.
  // The next check decides again.
  if (child_->scanner().unfinished_is_object()) return child_->FinishLine();
  if (due == IdleWatch::Due::kAsk) return AskWhetherItLives();
  if (due == IdleWatch::Due::kLook && HasWorked() && !idle_.answered()) {
    return idle_.OnLooked(StallNow());
  }
  SettleIdle(/*is_over=*/due == IdleWatch::Due::kSettle);
}

bool Session::HasWorked() {
  const absl::Duration cpu = ProcessCpuTime(child_->pid());
  const absl::Duration used = cpu - std::exchange(turn_->cpu_seen, cpu);
  const absl::Duration passed = StallNow() - std::exchange(turn_->cpu_seen_at, StallNow());
  return used > kIdleCpu * std::max(1.0, absl::FDivDuration(passed, idle_limits_.answer));
}

void Session::SettleIdle(bool is_over) {
  const bool is_wedged = !idle_.answered() && !idle_.says_idle();
  const absl::StatusOr<TranscriptTurn> turn = replay_.Find(turn_->tell_id);
  const bool ended_well = turn.ok() && turn->state == TranscriptTurn::State::kEndedWell;
  if (!ended_well && !is_over) return idle_.OnLooked(StallNow());
  // The rest of a line that is cut does not come any more. (That it is no object was seen before.)
  child_->FinishLine();
  LogWarn(Who(), " is idle, and its result line was lost");
  absl::Status outcome;
  if (ended_well) {
    TellAnew(*turn, "claude's result was lost; this is the transcript's text");
    if (turn_->permission_lost) outcome = PermissionLost(Who(), /*closed=*/false);
  } else if (turn_->limit.reached()) {
    outcome = LimitReached(Who(), turn_->limit);
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

void Session::AwaitTranscript(absl::string_view result_line) {
  turn_->awaited_for = std::string(result_line);
  turn_->await_timer = loop_.After(kFirstLook, [this] {
    turn_->await_timer = loop_.After(kLastLook, [this] { LookForAnswer(/*last_time=*/true); });
    LookForAnswer(/*last_time=*/false);
  });
}

void Session::LookForAnswer(bool last_time) {
  const absl::StatusOr<TranscriptTurn> turn = replay_.Find(turn_->tell_id);
  const bool has_it = turn.ok() && turn->state == TranscriptTurn::State::kEndedWell;
  if (!has_it && !last_time) return;
  const std::string result_line = std::move(*turn_->awaited_for);
  turn_->awaited_for.reset();
  loop_.Cancel(turn_->await_timer);
  if (has_it) {
    TellAnew(*turn, absl::StrCat(turn_->owes_whole ? "the message came anew while it ran"
                                                   : "a line of claude's was broken",
                                 "; this is the transcript's text"));
    if (!result_line.empty()) log_.AppendOutput(result_line, /*more=*/false);
  }
  // Where it does not have it, the result may, or whoever puts the text together says what is lost.
  OnTurnOver(absl::OkStatus());
}

}  // namespace iris
