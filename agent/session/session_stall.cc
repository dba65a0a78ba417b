// Finds out whether a silent child lives.

#include <string>

#include "absl/strings/str_cat.h"
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
  CancelTimer(probe_timer_);
  probe_timer_ = loop_.After(stall_limits_.probe_after, [this] {
    probe_timer_ = 0;
    Probe();
  });
}

void Session::Probe() {
  ArmProbe();
  if (phase_ == Phase::kReady && stall_.WantsProbe(StallNow())) AskWhetherItLives();
}

void Session::AskWhetherItLives() {
  // Changes nothing, and is answered in the middle of a turn too.
  probe_id_ = absl::StrCat("iris-", RandomHex(8));
  child_->Write(absl::StrCat(R"({"type":"control_request","request_id":")", probe_id_,
                             R"(","request":{"subtype":"mcp_status"}})", "\n"));
  stall_.OnProbeSent(StallNow());
  idle_.OnAskSent(StallNow());
  cpu_when_asked_ = ProcessCpuTime(child_->pid());
}

}  // namespace iris
