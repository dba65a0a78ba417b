// Finds out whether a silent child lives.

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/claude/stream_json.h"
#include "agent/session/session.h"
#include "common/base/ids.h"
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
  if (phase_ == Phase::kReady && stall_.WantsProbe(StallNow())) AskWhetherItLives();
}

void Session::AskWhetherItLives() {
  turn_->probe_id = absl::StrCat("iris-", RandomHex(8));
  WriteControl(ProbeLine(turn_->probe_id));
  stall_.OnProbeSent(StallNow());
  idle_.OnAskSent(StallNow());
  turn_->cpu_seen = ProcessCpuTime(child_->pid());
  turn_->cpu_seen_at = StallNow();
}

}  // namespace iris
