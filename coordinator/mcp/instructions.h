#ifndef IRIS_COORDINATOR_MCP_INSTRUCTIONS_H_
#define IRIS_COORDINATOR_MCP_INSTRUCTIONS_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/mcp/client.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Claude Code cuts them after 4,096 characters, and shows the model nothing else of a server's
// tools but their names until it looks for one.
inline constexpr size_t kInstructionsBytesMax = 4000;

// What a model reads of Iris before it calls a tool: who it is, which teams there are and what for,
// and what waits for it (`unread`, in words; may be empty). Where there is no room for all of it,
// descriptions are shortened first, all alike; then the last teams are counted instead of named.
// `teams` not OK: says so in place of the teams.
std::string McpInstructions(const absl::StatusOr<v1::ListTeamsResponse>& teams,
                            const McpClient& client, absl::string_view unread);

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_INSTRUCTIONS_H_
