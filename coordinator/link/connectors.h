#ifndef IRIS_COORDINATOR_LINK_CONNECTORS_H_
#define IRIS_COORDINATOR_LINK_CONNECTORS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "coordinator/bootstrap/agent_bundle.h"
#include "coordinator/bootstrap/bootstrap.h"
#include "coordinator/link/connector.h"

namespace iris {

// The agent on this machine: its UNIX socket; starts it from the bundle if none answers.
// `iris_home` is empty or the value of IRIS_HOME, which moves the local agent too.
std::unique_ptr<Connector> MakeLocalConnector(const AgentBundle& bundle, std::string iris_home);

// The agent on a team's host, over ssh. `lent_env` is called at every Connect().
std::unique_ptr<Connector> MakeSshConnector(
    const AgentBundle& bundle, SshTarget target, std::string runtime_dir,
    std::function<std::map<std::string, std::string>()> lent_env);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_CONNECTORS_H_
