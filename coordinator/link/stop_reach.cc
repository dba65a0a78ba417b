#include "coordinator/link/stop_reach.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

bool LocalAgentRuns(const std::string& iris_home, const StopAgentsCall& besides) {
  const absl::StatusOr<Endpoint> endpoint = FindEndpoint("agent", iris_home);
  if (!endpoint.ok()) return false;
  const absl::StatusOr<Dialed> dialed = Dial(endpoint->socket, absl::InfinitePast());
  v1::Hello hello;
  return dialed.ok() && hello.ParseFromString(dialed->hello) && !besides.asks(hello);
}

void ReachOthers(StopAgentsCall& stop, PlacedAgents& placed, const std::set<std::string>& asked,
                 const SharedEnvironment& env, Resolver& resolver,
                 const std::function<HostLink&(const ResolvedTarget&)>& find) {
  const absl::StatusOr<std::vector<PlacedAgent>> all = placed.All(env);
  if (!all.ok()) return stop.NotFound(stop.Expect("other hosts", ""), all.status());
  std::vector<std::string> tried;
  for (const PlacedAgent& agent : *all) {
    if (asked.count(agent.place) > 0) continue;
    const uint64_t id = stop.Expect(agent.name, agent.place);
    if (!agent.target.ok()) {
      stop.NotFound(id, agent.target.status());
      continue;
    }
    if (IsAttempt(agent.place) && !IsAttemptBy(agent.place, *agent.target)) {
      stop.NotFound(id, MakeFailure(v1::FAILURE_WRONG_HOST,
                                    "one may have been started there with other values of the "
                                    "variables in the team's `remote`",
                                    "Run `iris stop --agents` from a shell that has those, or end "
                                    "`iris-agent serve` there."));
      continue;
    }
    if (tried.size() == kReachMax) {
      stop.NotFound(id, MakeFailure(v1::FAILURE_BUSY_LIMIT,
                                    absl::StrCat("one stop connects to ", kReachMax,
                                                 " hosts at most that are not linked"),
                                    "Run `iris stop --agents` once more."));
      continue;
    }
    tried.push_back(agent.place);
    SshTarget target = *agent.target;
    target.options.link_mode = RemoteOptions::LinkMode::kAuto;  // To end it any way will do.
    if (env != nullptr) target.lent_env = *env;
    resolver.Ask(target, [&stop, alive = stop.alive(), id,
                          find](const absl::StatusOr<ResolvedTarget>& resolved) {
      if (!*alive || stop.over()) return;
      if (!resolved.ok()) return stop.NotFound(id, resolved.status());
      stop.Found(id, find(*resolved));
    });
  }
  if (!tried.empty()) placed.NoteTried(tried);
}

}  // namespace iris
