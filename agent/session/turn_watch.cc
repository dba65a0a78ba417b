#include "agent/session/turn_watch.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace iris {
namespace {

constexpr absl::Duration kIdleCpu = absl::Milliseconds(100);  // While an answer is waited for.

// A build before these fields says no more than that it says idle: then it is asked first.
IdleWatch::Seen IdleIn(const handover::Session& state) {
  return {.line_broken = state.line_broken(),
          .text_lost = state.text_lost(),
          .result_lost = state.result_lost(),
          .knows_state = state.knows_state() || state.says_idle(),
          .state_lost = state.state_lost(),
          .says_idle = state.says_idle(),
          .idle_in_turn = state.idle_in_turn()};
}

}  // namespace

void TurnWatch::set_stall_limits(const StallLimits& limits) {
  stall_limits_ = limits;
  stall_ = StallWatch(limits);
}

void TurnWatch::set_idle_limits(const IdleLimits& limits) {
  idle_limits_ = limits;
  idle_ = IdleWatch(limits);
}

void TurnWatch::ArmProbe() {
  probe_timer_.Set(stall_limits_.probe_after, [this] {
    ArmProbe();
    if (stall_.WantsProbe(Now())) sink_.OnSilent();
  });
}

void TurnWatch::ArmIdleCheck() {
  idle_timer_.Set(idle_limits_.check_every, [this] {
    ArmIdleCheck();
    sink_.OnIdleCheck();
  });
}

void TurnWatch::ArmTimers() {
  cpu_seen_ = absl::ZeroDuration();
  cpu_seen_at_ = absl::UnixEpoch();
  ArmProbe();
  ArmIdleCheck();
}

void TurnWatch::OnTellWritten() {
  stall_.OnTellWritten(Now());
  idle_.OnTellWritten(Now());
  ArmTimers();
}

void TurnWatch::OnTellOver() {
  probe_timer_.Cancel();
  idle_timer_.Cancel();
  stall_.OnTellOver();
  idle_.OnTellOver();
}

void TurnWatch::OnPiece() {
  stall_.OnOutput(Now());
  idle_.OnPiece(Now());
}

void TurnWatch::OnLine(const LineFacts& facts, absl::string_view head, bool in_turn) {
  idle_.OnLine(facts, head, Now());
  // Noise of a hook or a wrapper is no news.
  if (in_turn && facts.is_object) stall_.OnLine(facts, head, Now());
}

void TurnWatch::OnAsked(const std::string& request_id, const std::string& what) {
  stall_.OnAsked(request_id, what, Now());
}

void TurnWatch::OnAnswered(const std::string& request_id) { stall_.OnAnswered(request_id, Now()); }

void TurnWatch::OnJournalFull(bool full, bool disk_full) {
  stall_.OnJournalFull(full, Now());
  stall_.OnStorageFull(full && disk_full, Now());
}

void TurnWatch::OnDraining(absl::string_view why) { stall_.OnDraining(why, Now()); }

void TurnWatch::OnProbeSent(absl::Duration cpu) {
  stall_.OnProbeSent(Now());
  idle_.OnAskSent(Now());
  cpu_seen_ = cpu;
  cpu_seen_at_ = Now();
}

void TurnWatch::OnProbeAnswered() {
  idle_.OnAskAnswered();
  stall_.OnProbeAnswered();
}

IdleWatch::Due TurnWatch::CheckIdle(bool held) {
  idle_.OnHeld(held, Now());
  return idle_.Check(Now());
}

bool TurnWatch::HasWorked(absl::Duration cpu) {
  const absl::Duration used = cpu - std::exchange(cpu_seen_, cpu);
  const absl::Duration passed = Now() - std::exchange(cpu_seen_at_, Now());
  return used > kIdleCpu * std::max(1.0, absl::FDivDuration(passed, idle_limits_.answer));
}

void TurnWatch::HandOver(handover::Session& state) const {
  const IdleWatch::Seen seen = idle_.seen();
  state.set_line_broken(seen.line_broken);
  state.set_text_lost(seen.text_lost);
  state.set_result_lost(seen.result_lost);
  state.set_knows_state(seen.knows_state);
  state.set_state_lost(seen.state_lost);
  state.set_says_idle(seen.says_idle);
  state.set_idle_in_turn(seen.idle_in_turn);
  for (const auto& [id, name] : stall_.tools()) {
    handover::Tool& tool = *state.add_tools();
    tool.set_id(id);
    tool.set_name(name);
  }
}

void TurnWatch::AdoptHandover(const handover::Session& before, bool in_turn) {
  if (in_turn) {
    std::vector<std::pair<std::string, std::string>> tools;
    for (const handover::Tool& tool : before.tools()) tools.emplace_back(tool.id(), tool.name());
    stall_.Resume(std::move(tools), Now());
    ArmTimers();
  }
  idle_.Resume(IdleIn(before), in_turn, Now());
}

}  // namespace iris
