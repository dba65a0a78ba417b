#ifndef IRIS_COORDINATOR_LINK_PLACED_AGENTS_H_
#define IRIS_COORDINATOR_LINK_PLACED_AGENTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "coordinator/bootstrap/bootstrap.h"
#include "proto/iris/v1/agent.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// An agent on a host, and the way by which it was reached last.
struct PlacedAgent {
  std::string place;  // PlaceOf().
  std::string name;   // "user@host:port", for people.
  SshTarget target;   // Without an environment: that is the asker's.
};

// Host, account and folder of the agent that greets so: the same over its lives, and over those of
// its host.
std::string PlaceOf(const v1::Hello& hello);

// Where this coordinator has put an agent, or has found one and used it, over all its lives. Lives
// on the coordinator's loop.
class PlacedAgents {
 public:
  virtual ~PlacedAgents() = default;

  // One answers there. Cheap, but for the first time.
  virtual void Note(const PlacedAgent& agent) = 0;
  // It was ended, or is not to be reached by that way any more.
  virtual void Forget(const std::string& place) = 0;
  // Those that were noted and not forgotten, the newest first. FAILURE_STORAGE.
  virtual absl::StatusOr<std::vector<PlacedAgent>> All() = 0;
};

// The way in the form in which it is stored; and back. Nothing: it is no such way.
v1::HostWay ToProto(const SshTarget& target);
absl::optional<SshTarget> FromProto(const v1::HostWay& way);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_PLACED_AGENTS_H_
