#include "coordinator/mcp/tool_run.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "common/base/quoted.h"
#include "common/failure/failure.h"
#include "coordinator/mcp/team_runs.h"
#include "coordinator/mcp/tell_desk_runs.h"
#include "coordinator/mcp/tell_run.h"

namespace iris {
namespace {

bool HasCaller(const Tool& tool) {
  return std::any_of(tool.parameters.begin(), tool.parameters.end(),
                     [](const ToolParameter& parameter) { return parameter.name == "fromTeam"; });
}

// Of a client whose front end does not say who it is.
absl::Status CheckNamed(McpDesk& desk, absl::string_view from) {
  const absl::StatusOr<v1::ListTeamsResponse> teams = desk.Teams();
  if (!teams.ok()) return teams.status();
  // The orchestrator would take "cli" as well.
  for (const v1::TeamInfo& team : teams->teams()) {
    if (team.name() == from) return absl::OkStatus();
  }
  return MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      from.empty() ? "fromTeam is missing"
                   : absl::StrCat("fromTeam ", Quoted(from), " is not a team"),
      "Connect the MCP server again: the `iris mcp` that runs is older than the coordinator, and "
      "does not say who you are. Until then set fromTeam to the team in whose folder you work.");
}

}  // namespace

absl::StatusOr<std::string> BindCaller(McpDesk& desk, const Tool& tool, Json& arguments) {
  const McpCaller caller = desk.Caller();
  if (!HasCaller(tool)) return caller.name;
  std::string from = arguments.value("fromTeam", "");
  if (caller.name.empty()) {
    if (absl::Status named = CheckNamed(desk, from); !named.ok()) return named;
    return from;
  }
  if (from.empty()) from = caller.name;
  if (from != caller.name && !absl::c_linear_search(caller.also, from)) {
    return MakeFailure(
        v1::FAILURE_BAD_REQUEST,
        absl::StrCat("you are ", caller.name, ", and cannot speak for ", Quoted(from)),
        "Leave fromTeam out.");
  }
  arguments["fromTeam"] = from;
  return from;
}

std::unique_ptr<ToolRun> MakeToolRun(EventLoop& loop, McpDesk& desk, ToolCall call,
                                     ToolListener& listener) {
  switch (call.tool.verb) {
    case Tool::Verb::kSend:
    case Tool::Verb::kQuick:
      return MakeTellRun(loop, desk, std::move(call), listener);
    case Tool::Verb::kTellWait:
      return MakeTellWaitRun(loop, desk, call, listener);
    case Tool::Verb::kTellStatus:
      return MakeTellStatusRun(desk, call, listener);
    case Tool::Verb::kTellCancel:
      return MakeTellCancelRun(desk, call, listener);
    case Tool::Verb::kListTeams:
      return MakeListTeamsRun(desk, listener);
    case Tool::Verb::kStatus:
      return MakeStatusRun(desk, call, listener);
    case Tool::Verb::kWake:
      return MakeWakeRun(desk, call, listener);
    case Tool::Verb::kSleep:
      return MakeSleepRun(desk, call, listener);
  }
  return nullptr;
}

}  // namespace iris
