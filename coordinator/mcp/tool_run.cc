#include "coordinator/mcp/tool_run.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "common/base/quoted.h"
#include "common/failure/failure.h"
#include "coordinator/mcp/team_runs.h"
#include "coordinator/mcp/tell_run.h"
#include "coordinator/mcp/tell_status_runs.h"

namespace iris {
namespace {

bool HasCaller(const Tool& tool) {
  return std::any_of(tool.parameters.begin(), tool.parameters.end(),
                     [](const ToolParameter& parameter) { return parameter.name == "fromTeam"; });
}

// Of a client whose front end does not say who it is.
absl::Status CheckNamed(Desk& desk, const Visitor& client, const Caller& from) {
  const absl::StatusOr<v1::ListTeamsResponse> teams = desk.Teams(client);
  if (!teams.ok()) return teams.status();
  // The command line is nobody's team, and may see more.
  for (const v1::TeamInfo& team : teams->teams()) {
    if (team.name() == from.name()) return absl::OkStatus();
  }
  return MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      from.is_nobody() ? "fromTeam is missing"
                       : absl::StrCat("fromTeam ", Quoted(from.name()), " is not a team"),
      "Connect the MCP server again: the `iris mcp` that runs is older than the coordinator, and "
      "does not say who you are. Until then set fromTeam to the team in whose folder you work.");
}

}  // namespace

absl::StatusOr<Visitor> VisitorOf(Desk& desk, const McpClient& client, const Tool& tool,
                                  const Json& arguments) {
  Visitor visitor = client.visitor;
  if (!HasCaller(tool)) return visitor;
  const Caller named = Caller::Named(arguments.value("fromTeam", ""));
  if (visitor.caller.is_nobody()) {
    if (absl::Status known = CheckNamed(desk, client.visitor, named); !known.ok()) return known;
    visitor.caller = named;
    return visitor;
  }
  if (named.is_nobody() || named == visitor.caller) return visitor;
  if (!absl::c_linear_search(client.also, named)) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("you are ", visitor.caller.name(), ", and cannot speak for ",
                                    Quoted(named.name())),
                       "Leave fromTeam out.");
  }
  visitor.caller = named;
  return visitor;
}

std::unique_ptr<ToolRun> MakeToolRun(EventLoop& loop, Desk& desk, ToolCall call,
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
      return MakeListTeamsRun(desk, call, listener);
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
