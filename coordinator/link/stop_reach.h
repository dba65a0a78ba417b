#ifndef IRIS_COORDINATOR_LINK_STOP_REACH_H_
#define IRIS_COORDINATOR_LINK_STOP_REACH_H_

#include <cstddef>
#include <functional>
#include <set>
#include <string>

#include "common/environment/environment.h"
#include "coordinator/config/config.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/link/resolver.h"
#include "coordinator/link/stop_agents.h"
#include "coordinator/link/target.h"

// Whom a stop reaches beside those that are linked.
namespace iris {

// Hosts to which one stop connects: as many as ConnectionPace lets begin well within
// StopAgentsCall::kDeadline.
inline constexpr size_t kReachMax = 40;

// Has `stop` end the agents of `placed` that are at none of the places `asked`, and what attempts
// may have started where their ways mean the same for whoever asks: asks, with the
// environment `env` (null: that of this process), what each way means now, and connects, to
// kReachMax at most, over the link that `find` gives. `target_of` as in LinkTableOptions. Those
// that one stop leaves out come first in the next. Before StopAgentsCall::Begin(). All but `asked`
// and `env` outlive what goes on then.
void ReachOthers(StopAgentsCall& stop, PlacedAgents& placed, const std::set<std::string>& asked,
                 const SharedEnvironment& env, Resolver& resolver,
                 const std::function<TargetPtr(const RemoteWay&)>& target_of,
                 const std::function<HostLink&(const ResolvedTarget&)>& find);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_STOP_REACH_H_
