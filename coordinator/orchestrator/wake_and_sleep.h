#ifndef IRIS_COORDINATOR_ORCHESTRATOR_WAKE_AND_SLEEP_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_WAKE_AND_SLEEP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/alive_flag.h"
#include "common/environment/environment.h"
#include "common/loop/event_loop.h"
#include "coordinator/caller/caller.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/session_line.h"
#include "coordinator/orchestrator/session_lines.h"
#include "coordinator/orchestrator/session_wakes.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/orchestrator/tell_limits.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/orchestrator/ways.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Waking sessions and putting them to sleep: what is done with their children without a tell. Who
// wakes one stands in its line; who puts one to sleep waits here. Lives on the coordinator's loop.
class WakeAndSleep {
 public:
  using WakeDone = SessionWakes::Done;
  using SleepDone = std::function<void(const absl::StatusOr<v1::SleepResponse>&)>;

  // All outlive this.
  WakeAndSleep(EventLoop& loop, OpenTells& tells, const WaylessTells& wayless, Settling& settling,
               SessionLines& lines, Ways& ways, const TellLimits& limits)
      : loop_(loop),
        tells_(tells),
        wayless_(wayless),
        settling_(settling),
        lines_(lines),
        ways_(ways),
        limits_(limits) {}
  WakeAndSleep(const WakeAndSleep&) = delete;
  WakeAndSleep& operator=(const WakeAndSleep&) = delete;

  // As Orchestrator.
  void Wake(const Caller& from, const std::string& to, WakeDone done, bool takeover,
            SharedEnvironment environment);
  void Sleep(const Caller& from, const std::string& to, bool force, SleepDone done,
             const SharedEnvironment& environment);
  // The end of this life: who puts a session to sleep hears `why`.
  void Leave(const absl::Status& why);

 private:
  absl::Status BeginWake(const Caller& from, const std::string& to, bool takeover, WakeDone& done,
                         SharedEnvironment environment);
  void GiveUpWake(SessionLine& line, uint64_t round);
  absl::Status BeginSleep(const Caller& from, const std::string& to, bool force, SleepDone& done,
                          const SharedEnvironment& environment);
  void CancelWaiting(SessionLine& line);

  EventLoop& loop_;
  OpenTells& tells_;
  const WaylessTells& wayless_;
  Settling& settling_;
  SessionLines& lines_;
  Ways& ways_;
  const TellLimits& limits_;
  std::map<std::string, std::vector<SleepDone>> sleeps_;  // By session_id: until it sleeps.
  AliveFlag alive_;                                       // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_WAKE_AND_SLEEP_H_
