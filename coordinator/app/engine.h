#ifndef IRIS_COORDINATOR_APP_ENGINE_H_
#define IRIS_COORDINATOR_APP_ENGINE_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/budget/byte_budget.h"
#include "common/environment/environment.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/host_report.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/transport/transport_factory.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What carries tells to the teams: links and the transports over them. `iris` has the one that
// speaks to agents, tests one that answers by itself. Made and destroyed on the coordinator's loop,
// and lives there; destroyed when no transport is left.
class Engine {
 public:
  virtual ~Engine() = default;

  virtual TransportFactory& transports() = 0;
  // As the methods of LinkTable.
  virtual std::vector<v1::LinkStatus> Links() const = 0;
  virtual void AskHosts(HostReportsDone done) = 0;
  virtual void KeepTeams(const std::set<std::string>& names) = 0;
  virtual void StopAgents(bool force, const SharedEnvironment& env, StopAgentsDone done) = 0;
};

struct EngineOptions {
  std::string iris_home;  // Empty = not set.
  // Where sockets go: ours, 0700, short. Asked before every connection, since it may go and move.
  // On any thread.
  std::function<std::string()> runtime_dir;
  std::string agent_bundle;    // settings.agentBundle, or empty.
  std::string coordinator_id;  // UUID of the store.
  ByteBudget* budget;          // Of what sessions hold in memory; outlives the engine.
  PlacedAgents* placed;        // Outlives the engine.
};

using MakeEngine =
    std::function<std::unique_ptr<Engine>(EventLoop& loop, const EngineOptions& options)>;

}  // namespace iris

#endif  // IRIS_COORDINATOR_APP_ENGINE_H_
