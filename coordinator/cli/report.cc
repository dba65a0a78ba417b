#include "coordinator/cli/report.h"

#include <unistd.h>

#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "coordinator/account/account_text.h"
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/json.h"
#include "coordinator/cli/table.h"
#include "coordinator/cli/team_line.h"
#include "coordinator/cli/text.h"
#include "coordinator/desk/state_names.h"

namespace iris {
namespace {

std::string LongTeams(const v1::ListTeamsResponse& teams) {
  std::vector<std::vector<std::string>> rows = {{"TEAM", "WHERE", "PATH", "DESCRIPTION"}};
  for (const v1::TeamInfo& team : teams.teams()) {
    rows.push_back({team.name(), team.remote().empty() ? "this machine" : OneLine(team.remote()),
                    OneLine(team.path()), OneLine(team.description())});
  }
  return Table(rows);
}

// As a link is called once there is one; before that the words of `remote` but for "ssh".
std::string HostOf(const v1::TeamInfo& team, const TeamLine& line) {
  if (team.remote().empty()) return "this machine";
  if (!line.host.empty()) return line.host;
  return OneLine(absl::StripPrefix(team.remote(), "ssh "));
}

std::string ShortTeams(const v1::ListTeamsResponse& teams, const v1::GetStatusResponse& status,
                       const StatusView& view) {
  std::vector<std::vector<Cell>> rows;
  rows.push_back(Plain({"TEAM", "HOST", "STATE", "DESCRIPTION"}));
  for (const v1::TeamInfo& team : teams.teams()) {
    const TeamLine line = LineOf(team.name(), status);
    rows.push_back(Plain({team.name(), HostOf(team, line), line.state.empty() ? "-" : line.state,
                          OneLine(team.description())}));
    rows.back()[2].tint = line.tint;
  }
  return FitTable(rows, view.screen);
}

// Prints `text` and `end`, which are not put together: a text may be long.
bool PrintWithEnd(absl::string_view text, absl::string_view end) {
  const bool written = fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
                       fwrite(end.data(), 1, end.size(), stdout) == end.size();
  if (fflush(stdout) == 0 && written) return true;
  perror("iris: stdout");
  return false;
}

void PrintWhyNoAnswer(const TellReport& report) {
  if (report.not_yet) {
    const Failure failure = ToProto(report.status);
    const std::string next = absl::StrCat(failure.detail(), ". ", failure.fix(), "\n");
    fputs(Printable(next).c_str(), stderr);
    return;
  }
  if (!report.text.empty()) fputs("What was printed is only a part of the answer.\n", stderr);
  PrintFailure(report.status);
}

}  // namespace

void PrintFailure(const absl::Status& status) {
  fprintf(stderr, "%s\n", Printable(Describe(ToProto(status))).c_str());
}

int PrintFailed(const absl::Status& status, bool json, int exit_code) {
  if (json) return PrintOut(Dump(FailedReply(ToProto(status))) + "\n", exit_code);
  PrintFailure(status);
  return exit_code;
}

bool PrintOut(const std::string& text) { return PrintWithEnd(text, /*end=*/""); }

int PrintOut(const std::string& text, int exit_code) {
  return PrintOut(text) ? exit_code : kExitFailed;
}

int ExitCodeForRefusal(const absl::Status& status) {
  return KindOf(status) == v1::FAILURE_BAD_REQUEST ? kExitUsage : kExitFailed;
}

int ExitCodeForStart(const absl::Status& status) {
  return KindOf(status) == v1::FAILURE_BAD_REQUEST ? kExitConfig : kExitFailed;
}

int PrintRefused(const absl::Status& status, bool json) {
  return PrintFailed(status, json, ExitCodeForRefusal(status));
}

int PrintNotStarted(const absl::Status& status, bool json) {
  return PrintFailed(status, json, ExitCodeForStart(status));
}

bool PrintTell(const TellReport& report, bool json) {
  std::string made;  // What is printed, if it is not the text as it is.
  if (json) made = TellJson(report);
  if (!json && report.detached) made = report.tell_id;
  absl::string_view out = made.empty() ? report.text : made;
  // A host must not reach a person's terminal; a program that reads a pipe gets what it said.
  if (isatty(STDOUT_FILENO) == 1) out = made = Printable(out);
  const bool nothing = out.empty() && !report.status.ok();
  if (!PrintWithEnd(out, nothing || absl::EndsWith(out, "\n") ? "" : "\n")) return false;
  if (!json && !report.status.ok()) PrintWhyNoAnswer(report);
  if (!json) fputs(Printable(AccountLines(report.account)).c_str(), stderr);
  return true;
}

std::string AccountLines(const v1::TurnAccount& account) {
  std::string lines;
  if (const std::string denied = DeniedText(account); !denied.empty()) {
    absl::StrAppend(&lines, denied, "\n");
  }
  if (const absl::string_view fix = DeniedFix(account); !fix.empty()) {
    absl::StrAppend(&lines, "fix: ", fix, "\n");
  }
  if (const std::string cost = CostText(account); !cost.empty()) {
    absl::StrAppend(&lines, "turn: ", cost, "\n");
  }
  return lines;
}

std::string TellJson(const TellReport& report) {
  Json json = Reply(report.status.ok());
  json["tellId"] = report.tell_id;
  if (report.state != v1::TellSummary::STATE_UNSPECIFIED)
    json["state"] = std::string(StateName(report.state));
  if (!report.detached) json[report.status.ok() ? "answer" : "partial"] = report.text;
  if (report.structured_bytes > 0 && report.structured_bytes <= report.text.size()) {
    PeerJson structured = ParsePeerJson(
        absl::string_view(report.text).substr(report.text.size() - report.structured_bytes));
    if (!structured.is_discarded()) json["structured"] = std::move(structured);
  }
  if (!report.status.ok()) json["failure"] = FailureJson(ToProto(report.status));
  json["durationMs"] = absl::ToInt64Milliseconds(report.duration);
  if (!CostText(report.account).empty() || report.account.denials() > 0) {
    json["turn"] = AccountJson<Json>(report.account);
  }
  return Dump(json);
}

std::string TeamsText(const v1::ListTeamsResponse& teams, const v1::GetStatusResponse& status,
                      const StatusView& view) {
  return view.long_form ? LongTeams(teams) : ShortTeams(teams, status, view);
}

std::string TeamsJson(const v1::ListTeamsResponse& teams) {
  Json list = Json::array();
  for (const v1::TeamInfo& team : teams.teams()) {
    Json json = {{"name", team.name()}, {"path", team.path()}};
    if (!team.description().empty()) json["description"] = team.description();
    if (!team.remote().empty()) json["remote"] = team.remote();
    if (!team.color().empty()) json["color"] = team.color();
    list.push_back(std::move(json));
  }
  Json out = Reply(true);
  out["teams"] = std::move(list);
  return Dump(out);
}

}  // namespace iris
