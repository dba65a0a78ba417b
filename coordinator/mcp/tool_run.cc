#include "coordinator/mcp/tool_run.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/nearest.h"
#include "common/failure/failure.h"
#include "coordinator/mcp/team_runs.h"
#include "coordinator/mcp/tell_run.h"

namespace iris {
namespace {

constexpr size_t kNamesShown = 50;
constexpr size_t kNameBytesShown = 100;

// Over MCP everybody speaks for a team. The orchestrator would take "cli" as well.
absl::Status CheckCaller(McpDesk& desk, const std::string& from) {
  const absl::StatusOr<v1::ListTeamsResponse> teams = desk.Teams();
  if (!teams.ok()) return teams.status();
  std::vector<std::string> names;
  for (const v1::TeamInfo& team : teams->teams()) {
    if (team.name() == from) return absl::OkStatus();
    names.push_back(team.name());
  }
  const std::string nearest = Nearest(names, from);
  if (names.size() > kNamesShown) names.resize(kNamesShown);
  return MakeFailure(
      v1::FAILURE_BAD_REQUEST,
      absl::StrCat("fromTeam \"", absl::Utf8SafeCEscape(from.substr(0, kNameBytesShown)),
                   "\" is not a team"),
      absl::StrCat(nearest.empty() ? "" : absl::StrCat("Did you mean ", nearest, "? "),
                   "Say for which team you speak: ", absl::StrJoin(names, ", "), "."));
}

// A call that fails before it begins.
class RefusedRun final : public ToolRun {
 public:
  RefusedRun(absl::Status why, ToolListener& listener)
      : why_(std::move(why)), listener_(listener) {}
  void Start() override { listener_.OnToolDone({.status = why_, .text = nullptr}); }

 private:
  const absl::Status why_;
  ToolListener& listener_;
};

}  // namespace

std::unique_ptr<ToolRun> MakeToolRun(EventLoop& loop, McpDesk& desk, ToolCall call,
                                     ToolListener& listener) {
  if (const auto from = call.arguments.find("fromTeam"); from != call.arguments.end()) {
    const absl::Status known = CheckCaller(desk, from->get<std::string>());
    if (!known.ok()) return std::make_unique<RefusedRun>(known, listener);
  }
  switch (call.tool.verb) {
    case Tool::Verb::kSend:
    case Tool::Verb::kQuick:
      return MakeTellRun(loop, desk, std::move(call), listener);
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
