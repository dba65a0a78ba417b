#ifndef IRIS_COORDINATOR_MCP_TELL_STATUS_RUNS_H_
#define IRIS_COORDINATOR_MCP_TELL_STATUS_RUNS_H_

#include <memory>

#include "coordinator/desk/desk.h"
#include "coordinator/mcp/tool_run.h"

namespace iris {

// The tools about a message that was sent before, but for tell_wait. As MakeToolRun().

// {"tellId", "to", "state", "doing", "stall", "answerBytes", "failure", "fetched", "sent",
// "settled", "message"}; what does not apply is left out. "message" is how it begins.
std::unique_ptr<ToolRun> MakeTellStatusRun(Desk& desk, const ToolCall& call,
                                           ToolListener& listener);
// {"tellId", "cancelled", "ended"}: "ended" says how it ended where it was not cancelled.
std::unique_ptr<ToolRun> MakeTellCancelRun(Desk& desk, const ToolCall& call,
                                           ToolListener& listener);

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_TELL_STATUS_RUNS_H_
