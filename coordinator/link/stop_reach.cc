#include "coordinator/link/stop_reach.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

// To end an agent any will do.
RemoteWay ByAnyMode(RemoteWay way) {
  way.options.own.erase("linkMode");
  return way;
}

}  // namespace

void ReachOthers(StopAgentsCall& stop, PlacedAgents& placed, const std::set<std::string>& asked,
                 const SharedEnvironment& env, Resolver& resolver,
                 const std::function<TargetPtr(const RemoteWay&)>& target_of,
                 const std::function<HostLink&(const ResolvedTarget&)>& find) {
  const absl::StatusOr<std::vector<PlacedAgent>> all = placed.All(env);
  if (!all.ok()) return stop.NotFound(stop.Expect("other hosts", ""), all.status());
  std::vector<std::string> tried;
  for (const PlacedAgent& agent : *all) {
    if (asked.count(agent.place) > 0) continue;
    const TargetPtr target = agent.way.ok() ? target_of(ByAnyMode(*agent.way)) : nullptr;
    const std::string way(target != nullptr ? target->kind() : "the way");
    const uint64_t id = stop.Expect(agent.name, agent.place, way);
    if (target == nullptr) {
      stop.NotFound(id, agent.way.status());
      continue;
    }
    if (IsAttempt(agent.place) && !IsAttemptBy(agent.place, *agent.way)) {
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
    resolver.Ask(
        target->For(env == nullptr ? Environment() : *env),
        [&stop, alive = stop.alive(), id, find](const absl::StatusOr<ResolvedTarget>& resolved) {
          if (!alive || stop.over()) return;
          if (!resolved.ok()) return stop.NotFound(id, resolved.status());
          stop.Found(id, find(*resolved));
        });
  }
  if (!tried.empty()) placed.NoteTried(tried);
}

}  // namespace iris
