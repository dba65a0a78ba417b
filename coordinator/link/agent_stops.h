#ifndef IRIS_COORDINATOR_LINK_AGENT_STOPS_H_
#define IRIS_COORDINATOR_LINK_AGENT_STOPS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "common/environment/environment.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/link/hello_here.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/host_report.h"
#include "coordinator/link/placed_agents.h"
#include "coordinator/link/resolver.h"
#include "coordinator/link/stop_agents.h"
#include "coordinator/link/target.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// The stops that go on, one for each LinkTable::StopAgents(): whom each asks, of those that are
// linked, the one on this machine, and the others that are known. Lives on the coordinator's loop.
class AgentStops {
 public:
  // As LinkTableOptions has them.
  struct Options {
    std::function<TargetPtr(const RemoteWay&)> target_of;
    std::function<absl::optional<v1::Hello>()> hello_here;
    std::string coordinator_id;
    PlacedAgents* placed = nullptr;
  };
  // A link to a host, and what people call that.
  struct Linked {
    HostLink& link;
    std::string name;
  };

  // `on_over`: a stop is over, and its links are its no more.
  AgentStops(EventLoop& loop, Resolver& resolver, Options options, std::function<void()> on_over);

  // `here`: to the agent on this machine. `find`: as ReachOthers() has it. All links stay as long
  // as any().
  void Stop(bool force, const SharedEnvironment& env, const Linked& here,
            const std::vector<Linked>& others,
            const std::function<HostLink&(const ResolvedTarget&)>& find, StopAgentsDone done);
  // One goes on. Those that are over are dropped here, and nowhere else.
  bool any();
  void Clear() { stops_.clear(); }

 private:
  void StopHere(StopAgentsCall& stop, const Linked& here);

  EventLoop& loop_;
  Resolver& resolver_;
  const Options options_;
  const std::function<void()> on_over_;
  HelloHere hello_here_;
  std::vector<std::unique_ptr<StopAgentsCall>> stops_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_AGENT_STOPS_H_
