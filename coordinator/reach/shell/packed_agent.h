#ifndef IRIS_COORDINATOR_REACH_SHELL_PACKED_AGENT_H_
#define IRIS_COORDINATOR_REACH_SHELL_PACKED_AGENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace iris {

// An agent as it goes to a host: its gzip. To make a small one takes more than a second, so that is
// done when the agent is built (tools/packed_agent.bzl), into a file beside it:
//
//   SHA-256 of the agent (64 hex digits), space, SHA-256 of the gzip (64), newline, the gzip

// Where that file of the agent at `path` is, if there is one.
std::string PackedPath(absl::string_view path);

// The gzip in `packed`, the content of such a file. Nothing: it is not of the agent with the digest
// `sha256` (64 lower-case hex digits), or is damaged.
absl::optional<absl::string_view> GzipIn(absl::string_view packed, absl::string_view sha256);

// The gzip of `agent` for where there is no such file: made in a fifth of the time, and larger by a
// tenth. FAILURE_INTERNAL: zlib has no memory.
absl::StatusOr<std::string> GzipFast(absl::string_view agent);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_PACKED_AGENT_H_
