#ifndef IRIS_COORDINATOR_REACH_SSH_SSH_REACH_H_
#define IRIS_COORDINATOR_REACH_SSH_SSH_REACH_H_

#include <functional>
#include <memory>
#include <string>

#include "coordinator/reach/reach.h"
#include "coordinator/reach/shell/agent_bundle.h"

namespace iris {

struct SshReachOptions {
  const AgentBundle* bundle = nullptr;  // Outlives the targets.
  // For ssh's sockets: ours, 0700, short. Asked at every connection, on its thread.
  std::function<std::string()> runtime_dir;
};

// Hosts behind the system's ssh. What a target means is what `ssh -G` says: see ResolveTarget() and
// ConnectOverSsh(), whose failures the targets have. Of a connection `iris status` shows the fact
// "sshPid".
std::unique_ptr<Reach> MakeSshReach(SshReachOptions options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_SSH_REACH_H_
