#ifndef IRIS_COORDINATOR_LINK_LINK_TABLE_H_
#define IRIS_COORDINATOR_LINK_LINK_TABLE_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/environment/environment.h"
#include "common/loop/event_loop.h"
#include "coordinator/bootstrap/agent_bundle.h"
#include "coordinator/config/config.h"
#include "coordinator/link/calls.h"
#include "coordinator/link/host_report.h"
#include "coordinator/link/link.h"
#include "coordinator/link/placed_agents.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The connections to hosts. Teams share one where ssh means the same by their `remote`
// (ResolvedTarget::key); several may lead to one agent, and what is asked of agents is asked of
// each once. Lives on the coordinator's loop.
class LinkTable {
 public:
  virtual ~LinkTable() = default;  // Drops every link. Destroy the transports first.

  // The team's way to its host, down until asked to connect. Valid as long as somebody observes it,
  // or until the next call for this team with another `remote` or other remoteOptions.
  virtual Link& ForTeam(const Team& team) = 0;

  // These teams are configured, and no others: a link that only others have is closed as soon as
  // nobody waits for an answer over it.
  virtual void KeepTeams(const std::set<std::string>& names) = 0;

  // For `iris status`.
  virtual std::vector<v1::LinkStatus> Status() const = 0;

  // Asks every agent that is linked what it holds; waits 1 s at most.
  virtual void AskHosts(HostReportsDone done) = 0;

  // Asks every agent that is linked or that PlacedAgents knows, and the one on this machine if it
  // runs, to end its sessions and leave; with `force` also where it has open messages of other
  // coordinators, for which it stays else. To those that are not linked ssh runs with `env`, which
  // may be null. `done` gets a text for each that did and for each that did not, within 20 s; where
  // several calls overlap, each has its answer.
  virtual void StopAgents(bool force, const SharedEnvironment& env, StopAgentsDone done) = 0;

  // The environment of a front end that asks something of this team: ssh runs with it for the
  // team's connections made from now on. With another one than before ssh is asked what the team's
  // `remote` means, before its next connection: that is the team's alone. Teams for which it means
  // the same share a connection, and ssh runs with what was lent last for one of them. `env` may be
  // null: not known.
  virtual void Lend(const std::string& team, const SharedEnvironment& env) = 0;

  // Calls on links that are under way, the transports' too: whoever owns the loop waits for none.
  virtual OutstandingCalls& calls() = 0;
};

struct LinkTableOptions {
  const AgentBundle* bundle = nullptr;  // Outlives the table.
  std::string iris_home;                // IRIS_HOME or empty.
  std::string coordinator_id;           // UUID of the store.
  PlacedAgents* placed = nullptr;       // Outlives the table; null: nothing is remembered.
  // For ssh's sockets: ours, 0700, short. Asked at every connection, on its thread.
  std::function<std::string()> runtime_dir;
};

std::unique_ptr<LinkTable> MakeLinkTable(EventLoop& loop, LinkTableOptions options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_TABLE_H_
