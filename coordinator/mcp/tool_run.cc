#include "coordinator/mcp/tool_run.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/nearest.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "coordinator/mcp/team_runs.h"
#include "coordinator/mcp/tell_desk_runs.h"
#include "coordinator/mcp/tell_run.h"

namespace iris {
namespace {

constexpr size_t kNamesShown = 50;
constexpr size_t kNameBytesShown = 100;

}  // namespace

absl::StatusOr<std::string> FindCaller(McpDesk& desk, const Json& arguments) {
  const auto found = arguments.find("fromTeam");
  if (found == arguments.end()) return std::string();
  const std::string from = found->get<std::string>();
  const absl::StatusOr<v1::ListTeamsResponse> teams = desk.Teams();
  if (!teams.ok()) return teams.status();
  // Over MCP everybody speaks for a team. The orchestrator would take "cli" as well.
  std::vector<std::string> names;
  for (const v1::TeamInfo& team : teams->teams()) {
    if (team.name() == from) return from;
    names.push_back(team.name());
  }
  const std::string nearest = Nearest(names, from);
  if (names.size() > kNamesShown) names.resize(kNamesShown);
  return MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      absl::StrCat("fromTeam \"", absl::Utf8SafeCEscape(CutUtf8(from, kNameBytesShown)),
                   "\" is not a team"),
      absl::StrCat(nearest.empty() ? "" : absl::StrCat("Did you mean ", nearest, "? "),
                   "Say for which team you speak: ", absl::StrJoin(names, ", "), "."));
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
