#ifndef IRIS_COORDINATOR_MCP_VERSIONS_H_
#define IRIS_COORDINATOR_MCP_VERSIONS_H_

#include "absl/strings/string_view.h"

namespace iris {

// The newest version of MCP that `initialize` offers; 2026-07-28 has no `initialize` any more.
inline constexpr absl::string_view kMcpVersionNewest = "2025-11-25";

// What to answer to a client that asks for `wanted`: the same if it is served, else the newest. The
// client leaves if it cannot speak that.
absl::string_view NegotiateMcpVersion(absl::string_view wanted);

// Whether progress may say in words what is going on: since 2025-03-26.
bool ProgressHasMessage(absl::string_view version);

// Whether several messages may come, and be answered, in one array: in 2025-03-26 alone.
bool HasBatches(absl::string_view version);

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_VERSIONS_H_
