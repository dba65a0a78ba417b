#ifndef IRIS_COORDINATOR_BOOTSTRAP_INSTALL_H_
#define IRIS_COORDINATOR_BOOTSTRAP_INSTALL_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/bootstrap/agent_bundle.h"
#include "coordinator/bootstrap/dialogue.h"

namespace iris {

struct InstallRequest {
  std::string marker;             // The connection's.
  std::string system;             // What the host said after "none": "Linux x86_64".
  std::string agent_dir;          // remoteOptions.agentDir, or empty.
  absl::Duration answer_timeout;  // For the host to try its directories.
  absl::Duration upload_timeout;  // For the whole upload.
  std::function<void(uint64_t done, uint64_t total)> on_sent;  // May be empty.
};

// Puts the agent on a host whose remote command line answered "none", over the same dialogue. On
// success the framed hello of its bridge follows.
//
// FAILURE_NO_AGENT_POSSIBLE: no build for that system, or no directory will do; the detail names
// every one and its reason. FAILURE_NO_SPACE and FAILURE_NOT_EXECUTABLE: where that is what keeps
// the first otherwise suitable directory from being used, or what the installation ended with.
// FAILURE_STORAGE: the host's disk failed otherwise. FAILURE_DROPPED: what arrived is damaged. And
// those of Dialogue.
absl::Status InstallAgent(Dialogue& dialogue, const AgentBundle& bundle,
                          const InstallRequest& request);

}  // namespace iris

#endif  // IRIS_COORDINATOR_BOOTSTRAP_INSTALL_H_
