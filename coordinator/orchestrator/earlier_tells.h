#ifndef IRIS_COORDINATOR_ORCHESTRATOR_EARLIER_TELLS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_EARLIER_TELLS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/orchestrator/live_teams.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/session_line.h"
#include "coordinator/orchestrator/session_lines.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/orchestrator/tell_limits.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/orchestrator/ways.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"

namespace iris {

// Tells that outlive the coordinator: what one life leaves open the next one takes up. Lives on the
// coordinator's loop.
class EarlierTells {
 public:
  // All outlive this.
  EarlierTells(StoreQueue& store, OpenTells& tells, WaylessTells& wayless, Settling& settling,
               LiveTeams& teams, SessionLines& lines, Ways& ways, const TellLimits& limits)
      : store_(store),
        tells_(tells),
        wayless_(wayless),
        settling_(settling),
        teams_(teams),
        lines_(lines),
        ways_(ways),
        limits_(limits) {}

  // All that the store has. As Orchestrator::ResumeOpenTells().
  absl::Status TakeUpAll();
  // What the store has open is open here too. It waits in the line of its session; or for somebody
  // who finds a way to its team; or there is none any more, and it is over. FAILURE_STORAGE, and
  // what SaysNothingOfTheTeam().
  absl::Status TakeUpBehind(const StoredTell& stored);

 private:
  absl::Status TakeUp(StoredTell stored);
  // The line to put it into. Null: there is none for now, or ever.
  absl::StatusOr<SessionLine*> Open(const StoredTell& stored);

  StoreQueue& store_;
  OpenTells& tells_;
  WaylessTells& wayless_;
  Settling& settling_;
  LiveTeams& teams_;
  SessionLines& lines_;
  Ways& ways_;
  const TellLimits& limits_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_EARLIER_TELLS_H_
