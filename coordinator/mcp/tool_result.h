#ifndef IRIS_COORDINATOR_MCP_TOOL_RESULT_H_
#define IRIS_COORDINATOR_MCP_TOOL_RESULT_H_

#include <string>

#include "coordinator/mcp/message.h"
#include "coordinator/mcp/outgoing.h"
#include "coordinator/mcp/tool_run.h"

namespace iris {

// The answer to tools/call: one text block, and a second one with `note` and with what the turn was
// denied, if there is anything. `structuredContent` has {"answer", "structured", "turn", "note"}
// where the answer is not long, since some clients show it in place of the text. A failure has
// isError, and reads "KIND: detail", "fix: …" and, where a team had begun to answer, that
// beginning.
McpOutgoing ToolAnswer(const Json& id, const ToolResult& result, const std::string& note = "");

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_TOOL_RESULT_H_
