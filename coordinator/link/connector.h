#ifndef IRIS_COORDINATOR_LINK_CONNECTOR_H_
#define IRIS_COORDINATOR_LINK_CONNECTOR_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/bootstrap/agent_bundle.h"
#include "coordinator/bootstrap/bootstrap.h"
#include "coordinator/config/config.h"

namespace iris {

// Makes the wire of one link. Connect() blocks, on a thread of the link's; one call at a time.
class Connector {
 public:
  using OnProgress = std::function<void(const BootstrapProgress&)>;

  virtual ~Connector() = default;
  // Typed failures as ConnectOverSsh(). Looks at `cancelled` at least every 100 ms.
  virtual absl::StatusOr<Connection> Connect(const OnProgress& on_progress,
                                             const std::atomic<bool>& cancelled) = 0;
};

// The agent on this machine: its UNIX socket; starts it from the bundle if none answers.
// `iris_home` is empty or the value of IRIS_HOME, which moves the local agent too.
std::unique_ptr<Connector> MakeLocalConnector(const AgentBundle& bundle, std::string iris_home);

// The agent on a team's host, over ssh. `lent_env` is called at every Connect().
std::unique_ptr<Connector> MakeSshConnector(
    const AgentBundle& bundle, SshTarget target, std::string runtime_dir,
    std::function<std::map<std::string, std::string>()> lent_env);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_CONNECTOR_H_
