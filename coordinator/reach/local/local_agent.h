#ifndef IRIS_COORDINATOR_REACH_LOCAL_LOCAL_AGENT_H_
#define IRIS_COORDINATOR_REACH_LOCAL_LOCAL_AGENT_H_

#include <memory>
#include <string>

#include "absl/types/optional.h"
#include "coordinator/link/connector.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// The agent on this machine: its UNIX socket; starts it from the bundle if none answers, and has an
// older one become this build. `iris_home` is empty or the value of IRIS_HOME, which moves the
// local agent too. `bundle` outlives the connector.
std::unique_ptr<Connector> MakeLocalConnector(const AgentBundle& bundle, std::string iris_home);

// How the agent on this machine greets, if it runs. Starts none.
absl::optional<v1::Hello> LocalAgentHello(const std::string& iris_home);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_LOCAL_LOCAL_AGENT_H_
