// Finds out whether a silent child lives.

#include "agent/session/session.h"
#include "common/process/spawn.h"

namespace iris {

absl::Time Session::StallNow() const { return absl::UnixEpoch() + loop_.now(); }

void Session::set_stall_limits(const StallLimits& limits) {
  stall_limits_ = limits;
  stall_ = StallWatch(limits);
}

void Session::ArmProbe() {
  loop_.Cancel(turn_->probe_timer);
  turn_->probe_timer = loop_.After(stall_limits_.probe_after, [this] { Probe(); });
}

void Session::Probe() {
  ArmProbe();
  if (phase() == Phase::kReady && stall_.WantsProbe(StallNow())) AskWhetherItLives();
}

void Session::OnProbeAnswered() {
  if (turn_ == nullptr) return;
  idle_.OnAskAnswered();
  stall_.OnProbeAnswered();
}

void Session::AskWhetherItLives() {
  child_->Probe();
  stall_.OnProbeSent(StallNow());
  idle_.OnAskSent(StallNow());
  turn_->cpu_seen = ProcessCpuTime(child_->pid());
  turn_->cpu_seen_at = StallNow();
}

}  // namespace iris
