#include "coordinator/cli/report.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "coordinator/account/account_text.h"
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/json.h"
#include "coordinator/cli/text.h"

namespace iris {

void PrintFailure(const absl::Status& status) {
  fprintf(stderr, "%s\n", Printable(Describe(ToProto(status))).c_str());
}

int ExitCodeForStart(const absl::Status& status) {
  return KindOf(status) == v1::FAILURE_BAD_REQUEST ? kExitConfig : kExitFailed;
}

bool PrintTell(const TellReport& report, bool json) {
  std::string out = report.text;
  if (json) out = TellJson(report);
  if (!json && report.detached) out = report.tell_id;
  // A host must not reach a person's terminal; a program that reads a pipe gets what it said.
  if (isatty(STDOUT_FILENO) == 1) out = Printable(out);
  const bool nothing = out.empty() && !report.status.ok();
  if (!nothing && !absl::EndsWith(out, "\n")) out += "\n";
  const bool written = fwrite(out.data(), 1, out.size(), stdout) == out.size();
  if (fflush(stdout) != 0 || !written) {
    perror("iris: stdout");
    return false;
  }
  if (!json && !report.status.ok()) PrintFailure(report.status);
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
  Json json = {{"tell_id", report.tell_id}, {"ok", report.status.ok()}};
  if (!report.detached) json[report.status.ok() ? "answer" : "partial"] = report.text;
  if (report.structured_bytes > 0 && report.structured_bytes <= report.text.size()) {
    PeerJson structured = ParsePeerJson(
        absl::string_view(report.text).substr(report.text.size() - report.structured_bytes));
    if (!structured.is_discarded()) json["structured"] = std::move(structured);
  }
  if (!report.status.ok()) json["failure"] = FailureJson(ToProto(report.status));
  json["duration_ms"] = absl::ToInt64Milliseconds(report.duration);
  if (!CostText(report.account).empty() || report.account.denials() > 0) {
    json["turn"] = AccountJson<Json>(report.account);
  }
  return Dump(json);
}

void PrintTakeover(const std::string& team, const std::string& from,
                   const absl::StatusOr<v1::WakeResponse>& taken, bool json) {
  if (json) {
    Json out = {{"team", team}, {"from", from}, {"ok", taken.ok()}};
    if (taken.ok()) out["child_pid"] = taken->child_pid();
    if (!taken.ok()) out["failure"] = FailureJson(ToProto(taken.status()));
    puts(Dump(out).c_str());
  } else if (!taken.ok()) {
    PrintFailure(taken.status());
  } else {
    printf("the session of %s with %s is held from here now; its claude has pid %lld\n",
           from.c_str(), team.c_str(), static_cast<long long>(taken->child_pid()));
  }
}

std::string TeamsText(const v1::ListTeamsResponse& teams) {
  std::vector<std::vector<std::string>> rows = {{"TEAM", "WHERE", "PATH", "DESCRIPTION"}};
  for (const v1::TeamInfo& team : teams.teams()) {
    rows.push_back({team.name(), team.remote().empty() ? "here" : Printable(team.remote()),
                    Printable(team.path()), Printable(team.description())});
  }
  return rows.size() == 1 ? "no teams are configured\n" : Table(rows);
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
  return Dump({{"teams", std::move(list)}});
}

}  // namespace iris
