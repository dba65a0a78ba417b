#ifndef IRIS_COORDINATOR_REACH_SHELL_INSTALL_H_
#define IRIS_COORDINATOR_REACH_SHELL_INSTALL_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "coordinator/reach/shell/dialogue.h"

namespace iris {

struct InstallRequest {
  std::string marker;             // The connection's.
  std::string system;             // What the host said after "none": "Linux x86_64".
  std::string agent_dir;          // remoteOptions.agentDir, or empty.
  absl::Duration answer_timeout;  // For the host to try its directories.
  // How long the host may take not one byte of the upload, which is what ends it: a slow line does
  // not. Also for what it does with them at the end.
  absl::Duration silence_max;
  // Called at least every kProgressEvery of the upload, with what the host has by its own word. May
  // be empty.
  std::function<void(uint64_t done, uint64_t total)> on_progress;
};

inline constexpr absl::Duration kProgressEvery = absl::Seconds(1);

// Puts the agent on a host whose remote command line answered "none", over the same dialogue. On
// success the framed hello of its bridge follows; false: the agent was there, checked by its
// digest, and nothing was sent.
//
// FAILURE_NO_AGENT_POSSIBLE: no build for that system, or no directory will do; the detail names
// every one and its reason. FAILURE_NO_SPACE and FAILURE_NOT_EXECUTABLE: where that is what keeps
// the first otherwise suitable directory from being used, or what the installation ended with.
// FAILURE_STORAGE: the host's disk failed otherwise. FAILURE_DROPPED: what arrived is damaged.
// FAILURE_TIMEOUT: silence; says how far the upload was. And those of Dialogue.
absl::StatusOr<bool> InstallAgent(Dialogue& dialogue, const AgentBundle& bundle,
                                  const InstallRequest& request);

// "1.2 of 2.6 MB".
std::string HowFar(uint64_t done, uint64_t total);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_INSTALL_H_
