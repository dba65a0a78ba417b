#ifndef IRIS_COORDINATOR_MCP_TEAM_RUNS_H_
#define IRIS_COORDINATOR_MCP_TEAM_RUNS_H_

#include <memory>

#include "coordinator/desk/desk.h"
#include "coordinator/mcp/tool_run.h"

namespace iris {

// The tools about teams. Each result is a JSON object, indented, for the model to read. As
// MakeToolRun().

// {"teams": [{"name", "description", "path", "remote", "openMessages", "stall"}]}; what is empty is
// left out. The last two are of everybody's sessions with the team.
std::unique_ptr<ToolRun> MakeListTeamsRun(Desk& desk, const ToolCall& call, ToolListener& listener);
// {"teams": [{"team", "host", "link", "problem", "session", "childPid", "waiting", "inFlight",
// "answerBytes", "stall", "answered", "lastUsed", "open", "answersWaiting"}]}: the caller's session
// with each team, or with one. "session" is "none" before the first message; "problem" is there
// where the link has one; "open" and "answersWaiting" are ids of messages, at most 20 each.
std::unique_ptr<ToolRun> MakeStatusRun(Desk& desk, const ToolCall& call, ToolListener& listener);
// {"team", "ready": true, "wasReady", "childPid"}
std::unique_ptr<ToolRun> MakeWakeRun(Desk& desk, const ToolCall& call, ToolListener& listener);
// {"team", "asleep": true, "wasRunning"}
std::unique_ptr<ToolRun> MakeSleepRun(Desk& desk, const ToolCall& call, ToolListener& listener);

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_TEAM_RUNS_H_
