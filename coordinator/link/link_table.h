#ifndef IRIS_COORDINATOR_LINK_LINK_TABLE_H_
#define IRIS_COORDINATOR_LINK_LINK_TABLE_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "common/environment/environment.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/link/calls.h"
#include "coordinator/link/connector.h"
#include "coordinator/link/host_report.h"
#include "coordinator/link/link.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/link/target.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The connections to hosts. Those share one for whom the same is meant by their team's `remote`,
// each in an environment of its own (ResolvedTarget::key); several may lead to one agent, and what
// is asked of agents is asked of each once. Lives on the coordinator's loop.
class LinkTable {
 public:
  virtual ~LinkTable() = default;  // Drops every link. Destroy the transports first.

  // A way to the team's host for one session, which nobody else has: maybe that of a session that
  // has left it in this task of the loop. To be observed and lent an environment at once; valid as
  // long as it is observed.
  virtual Link& MakeFor(const Team& team) = 0;

  // These teams are configured, and no others: a link that only others have is closed as soon as
  // nobody waits for an answer over it.
  virtual void KeepTeams(const std::set<std::string>& names) = 0;

  // For `iris status`.
  virtual std::vector<v1::LinkStatus> Status() const = 0;

  // Asks every agent that is linked what it holds; waits 1 s at most.
  virtual void AskHosts(HostReportsDone done) = 0;

  // Asks every agent that is linked or that PlacedAgents knows, and the one on this machine if it
  // runs, to end its sessions and leave; with `force` also where it has open messages of other
  // coordinators, for which it stays else. Those that are not linked are reached with `env`, which
  // may be null. `done` gets a text for each that did and for each that did not, within 20 s; where
  // several calls overlap, each has its answer.
  virtual void StopAgents(bool force, const SharedEnvironment& env, StopAgentsDone done) = 0;
};

struct LinkTableOptions {
  // The target that a team's way names, for nobody yet (coordinator/reach). Never null.
  std::function<TargetPtr(const RemoteWay&)> target_of;
  // To the agent on this machine.
  std::function<std::unique_ptr<Connector>()> connect_here;
  // How that greets, if it runs, without starting it. May block: called on a thread.
  std::function<absl::optional<v1::Hello>()> hello_here;
  std::string coordinator_id;      // UUID of the store.
  PlacedAgents* placed = nullptr;  // Outlives the table; null: nothing is remembered.
};

std::unique_ptr<LinkTable> MakeLinkTable(EventLoop& loop, LinkTableOptions options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_TABLE_H_
