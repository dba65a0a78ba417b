#ifndef IRIS_COORDINATOR_ORCHESTRATOR_ASKERS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_ASKERS_H_

#include <string>

#include "common/environment/environment.h"
#include "coordinator/orchestrator/live_teams.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/session_lines.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/orchestrator/tell_limits.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/orchestrator/ways.h"
#include "coordinator/store/store_queue.h"

namespace iris {

// Who asks for tells that an earlier life took, whose senders' environments went with that: with
// what is lent so they go on. Lives on the coordinator's loop.
class Askers {
 public:
  // All outlive this.
  Askers(StoreQueue& store, OpenTells& tells, WaylessTells& wayless, Settling& settling,
         LiveTeams& teams, SessionLines& lines, Ways& ways, const TellLimits& limits)
      : store_(store),
        tells_(tells),
        wayless_(wayless),
        settling_(settling),
        teams_(teams),
        lines_(lines),
        ways_(ways),
        limits_(limits) {}

  // As Orchestrator.
  bool LacksAsker(const std::string& tell_id) const;
  bool HasLentAsker(const std::string& tell_id) const;
  void AskFor(const std::string& tell_id, const SharedEnvironment& environment, bool by_sender);

  // Nobody has asked for long enough: what was found no way is over.
  void EndOverdue();

 private:
  void Lend(const std::string& tell_id, const SharedEnvironment& environment, bool by_sender);
  void FindWay(const std::string& tell_id, const SharedEnvironment& environment, bool by_sender);
  void SayWhoseVariables(const std::string& tell_id);

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

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_ASKERS_H_
