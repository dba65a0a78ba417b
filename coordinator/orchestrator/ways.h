#ifndef IRIS_COORDINATOR_ORCHESTRATOR_WAYS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_WAYS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/environment/environment.h"
#include "coordinator/caller/caller.h"
#include "coordinator/orchestrator/host_cancels.h"
#include "coordinator/orchestrator/live_teams.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/session_line.h"
#include "coordinator/orchestrator/session_lines.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/store/store_queue.h"

namespace iris {

// Finds the way from a caller to a team, as the configuration has it for whoever asks: the line of
// the pair's session. What waited for such a way goes on by it: tells that were found none, and
// cancels that are owed to the host. Lives on the coordinator's loop.
class Ways {
 public:
  // All outlive this.
  Ways(StoreQueue& store, LiveTeams& teams, OpenTells& tells, WaylessTells& wayless,
       HostCancels& cancels, SessionLines& lines)
      : store_(store),
        teams_(teams),
        tells_(tells),
        wayless_(wayless),
        cancels_(cancels),
        lines_(lines) {}

  // The line, made if it is not there yet. FAILURE_BAD_REQUEST: the configuration does not load for
  // that one, or CheckTeams(). FAILURE_STORAGE.
  absl::StatusOr<SessionLine*> Find(const Caller& from, const std::string& to,
                                    const SharedEnvironment& environment);
  // The same for what was accepted before: the caller may have left the configuration since.
  absl::StatusOr<SessionLine*> FindAgain(const std::string& from, const std::string& to,
                                         const SharedEnvironment& environment);

 private:
  // Tells of the line's session that were found no way go on by this one, if it leads theirs.
  absl::Status TakeUp(SessionLine& line, const SharedEnvironment& environment);

  StoreQueue& store_;
  LiveTeams& teams_;
  OpenTells& tells_;
  WaylessTells& wayless_;
  HostCancels& cancels_;
  SessionLines& lines_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_WAYS_H_
