#include "coordinator/mcp/instructions.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/utf8.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr absl::string_view kWhatItIs =
    "Iris sends messages to other teams. A team is a Claude Code that works in another project "
    "folder, on this machine or on another host; it is not one of your subagents. send_message "
    "gives a team a task or a question and waits for its answer; quick_message does not wait, and "
    "tell_wait returns the answer later by the message's id. No answer is lost.";
// Of a team's description: tried in turn until all teams fit.
constexpr size_t kDescriptionBytes[] = {400, 160, 60, 0};
constexpr size_t kUnreadBytesMax = 700;
constexpr size_t kProblemBytesMax = 2000;
constexpr size_t kMoreBytes = 60;  // For "; and 999 more, which list_teams shows".

std::string OneLine(std::string text) {
  absl::RemoveExtraAsciiWhitespace(&text);
  return text;
}

std::string Entry(const v1::TeamInfo& team, size_t description_bytes) {
  const std::string description = OneLine(team.description());
  if (description.empty() || description_bytes == 0) return team.name();
  return absl::StrCat(team.name(), " – ", CutUtf8(description, description_bytes));
}

// The other teams, in at most `bytes_max` bytes.
std::string Roster(const v1::ListTeamsResponse& teams, const Caller& caller, size_t bytes_max) {
  std::vector<const v1::TeamInfo*> others;
  for (const v1::TeamInfo& team : teams.teams()) {
    if (team.name() != caller.name()) others.push_back(&team);
  }
  if (others.empty()) return "There is no other team yet.";
  std::vector<std::string> entries;
  for (const size_t description_bytes : kDescriptionBytes) {
    entries.clear();
    for (const v1::TeamInfo* team : others) entries.push_back(Entry(*team, description_bytes));
    const std::string all = absl::StrCat("Teams: ", absl::StrJoin(entries, "; "), ".");
    if (all.size() <= bytes_max) return all;
  }
  std::string some = "Teams: ";
  size_t shown = 0;
  for (; some.size() + entries[shown].size() + kMoreBytes <= bytes_max; ++shown) {
    absl::StrAppend(&some, entries[shown], "; ");
  }
  return absl::StrCat(some, "and ", entries.size() - shown, " more, which list_teams shows.");
}

std::string Who(const McpClient& client) {
  if (client.calls_say_it) return "fromTeam is always the team in whose folder you work.";
  const Caller& caller = client.visitor.caller;
  if (caller.is_nobody()) return "Leave fromTeam out: Iris knows who you are.";
  const bool has_team = caller.kind() != Caller::Kind::kNeutral;
  return absl::StrCat("You are ", caller.name(),
                      has_team ? "." : ": your folder belongs to no team.");
}

}  // namespace

std::string McpInstructions(const absl::StatusOr<v1::ListTeamsResponse>& teams,
                            const McpClient& client, absl::string_view unread) {
  std::string text = absl::StrCat(kWhatItIs, "\n", Who(client));
  const std::string last =
      unread.empty() ? "" : absl::StrCat("\n", CutUtf8(unread, kUnreadBytesMax));
  if (!teams.ok()) {
    return absl::StrCat(text, "\nNo tool works until this is fixed: ",
                        CutUtf8(Describe(ToProto(teams.status())), kProblemBytesMax), last);
  }
  const size_t left = kInstructionsBytesMax - text.size() - last.size() - 1;
  return absl::StrCat(text, "\n", Roster(*teams, client.visitor.caller, left), last);
}

}  // namespace iris
