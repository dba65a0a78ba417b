#ifndef IRIS_COORDINATOR_REACH_SHELL_BRIDGE_FAILURE_H_
#define IRIS_COORDINATOR_REACH_SHELL_BRIDGE_FAILURE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace iris {

// What the agent's bridge said of itself as it ended: its last line on stderr, "iris-agent: KIND:
// DETAIL". The host's words (FromHost()). Nothing: the last line is none of the bridge's.
absl::optional<absl::Status> FailureOfBridge(absl::string_view stderr_text);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_BRIDGE_FAILURE_H_
