#ifndef IRIS_COORDINATOR_MCP_TELL_RUN_H_
#define IRIS_COORDINATOR_MCP_TELL_RUN_H_

#include <memory>

#include "common/loop/event_loop.h"
#include "coordinator/desk/desk.h"
#include "coordinator/mcp/tool_run.h"

namespace iris {

// send_message, ask_message and quick_message: the answer, or with `timeout` -1 and for
// quick_message the tell's id. As MakeToolRun().
std::unique_ptr<ToolRun> MakeTellRun(EventLoop& loop, Desk& desk, ToolCall call,
                                     ToolListener& listener);
// tell_wait: the answer, as send_message would have returned it; with `timeout` -1 and as long as
// there is none FAILURE_TIMEOUT. One that would be waited for for ever is refused as by
// Desk::Follow().
std::unique_ptr<ToolRun> MakeTellWaitRun(EventLoop& loop, Desk& desk, const ToolCall& call,
                                         ToolListener& listener);

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_TELL_RUN_H_
