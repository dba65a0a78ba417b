#ifndef IRIS_COORDINATOR_MCP_TOOL_RESULT_H_
#define IRIS_COORDINATOR_MCP_TOOL_RESULT_H_

#include <string>

#include "coordinator/mcp/message.h"
#include "coordinator/mcp/outgoing.h"
#include "coordinator/mcp/tool_run.h"

namespace iris {

// The answer to tools/call: one text block, and a second one with `note` if that is not empty. A
// failure has isError, and reads "KIND: detail", "fix: …" and, where a team had begun to answer,
// that beginning.
McpOutgoing ToolAnswer(const Json& id, const ToolResult& result, const std::string& note = "");

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_TOOL_RESULT_H_
