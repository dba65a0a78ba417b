#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/failure/failure.h"
#include "coordinator/account/account_text.h"
#include "coordinator/cli/json.h"
#include "coordinator/cli/report.h"
#include "coordinator/cli/text.h"

namespace iris {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string OrDash(absl::string_view text) { return text.empty() ? "-" : OneLine(text); }

std::string NumberOrDash(int64_t number) { return number == 0 ? "-" : absl::StrCat(number); }

// "lost 3 s ago, trying again in 4 s"; empty: nothing that the state does not say.
std::string LinkStory(const v1::LinkStatus& link) {
  if (link.state() == "suspect") return "silent since a probe; lost if it stays so";
  if (!link.has_failure()) {
    if (link.losses() == 0) return "";
    return absl::StrCat("was lost ", link.losses(), link.losses() == 1 ? " time" : " times",
                        " and came back");
  }
  const bool lost = link.failure().kind() == v1::FAILURE_DROPPED;
  const std::string when =
      absl::StrCat(lost ? "lost " : "failed ", ShowAge(link.failure_age_ms()), " ago");
  if (link.state() == "waiting") {
    return absl::StrCat(when, ", trying again in ", ShowAge(link.retry_in_ms() + 999));
  }
  if (link.state() == "connecting" || link.state() == "bootstrapping") {
    return absl::StrCat(when, ", trying again now");
  }
  if (link.state() == "blocked") {
    return absl::StrCat("blocked, ", when, "; mend it, and the next message tries again");
  }
  return when;
}

std::string MiB(uint64_t bytes) { return absl::StrFormat("%.1f MiB", bytes / 1048576.0); }

// "12 sessions, 3 with a claude; journals 1.2 MiB of 4096.0 MiB; 2 builds, 16.1 MiB; 900.0 MiB
// free"
std::string HoldingsText(const v1::HostHoldings& held) {
  std::string text =
      absl::StrCat(held.sessions(), held.sessions() == 1 ? " session, " : " sessions, ",
                   held.with_child(), " with a claude");
  if (held.draining() > 0) absl::StrAppend(&text, ", ", held.draining(), " draining");
  if (held.unverifiable() > 0) {
    absl::StrAppend(&text, ", ", held.unverifiable(), " claimed by other hosts");
  }
  if (held.damaged() > 0) absl::StrAppend(&text, ", ", held.damaged(), " put aside as damaged");
  absl::StrAppend(&text, "; journals ", MiB(held.journal_bytes()), " of ",
                  MiB(held.journal_quota_bytes()));
  if (held.unacknowledged_bytes() > 0) {
    absl::StrAppend(&text, " (", MiB(held.unacknowledged_bytes()), " not fetched)");
  }
  absl::StrAppend(&text, "; ", held.builds(), held.builds() == 1 ? " build, " : " builds, ",
                  MiB(held.build_bytes()));
  if (held.free_disk_bytes() > 0)
    absl::StrAppend(&text, "; ", MiB(held.free_disk_bytes()), " free");
  return text;
}

absl::string_view KeyOf(const v1::GetStatusResponse& status, absl::string_view id) {
  for (const v1::LinkStatus& link : status.links()) {
    if (link.id() == id) return link.key();
  }
  return id;
}

std::string Links(const v1::GetStatusResponse& status) {
  if (status.links().empty()) return "no links\n";
  Rows rows = {{"HOST", "STATE", "MODE", "SSH", "AGENT", "BUILD", "TEAMS"}};
  std::string notes;
  for (const v1::LinkStatus& link : status.links()) {
    rows.push_back({OrDash(link.key()), OrDash(link.state()), OrDash(link.mode()),
                    NumberOrDash(link.ssh_pid()), NumberOrDash(link.agent_pid()),
                    OrDash(link.agent_build()), OrDash(absl::StrJoin(link.teams(), ","))});
    if (!link.same_agent_as().empty()) {
      absl::StrAppend(&notes, OrDash(link.key()), " leads to the agent of ",
                      OrDash(KeyOf(status, link.same_agent_as())), "\n");
    }
    if (!link.mode_reason().empty()) {
      absl::StrAppend(&notes, OrDash(link.key()), ": ", OrDash(link.mode()), " because ",
                      OrDash(link.mode_reason()), "\n");
    }
    if (!link.remark().empty()) {
      absl::StrAppend(&notes, OrDash(link.key()), ": ", OrDash(link.remark()), "\n");
    }
    if (link.has_holdings()) {
      absl::StrAppend(&notes, OrDash(link.key()), " holds ", HoldingsText(link.holdings()), "\n");
    }
    if (const std::string story = LinkStory(link); !story.empty()) {
      absl::StrAppend(&notes, OrDash(link.key()), ": ", story, "\n");
    }
    if (!link.upgrade_refused().empty()) {
      absl::StrAppend(&notes, OrDash(link.key()), ": the agent stays ", OrDash(link.agent_build()),
                      ", because ", OrDash(link.upgrade_refused()), "\n");
    }
    if (link.has_failure()) absl::StrAppend(&notes, Printable(Describe(link.failure())), "\n");
  }
  return absl::StrCat(Table(rows), notes);
}

// Whose environment claude was started with; their names are in the JSON. Empty: none was given.
std::string EnvironmentText(const v1::SessionStatus& session) {
  if (session.env_from().empty()) return "";
  if (session.env_from() == "coordinator" && session.env_names().empty()) {
    return "claude has the environment of the coordinator: no front end has asked since that "
           "started";
  }
  return absl::StrCat("claude has the environment of the ", OrDash(session.env_from()), " (",
                      session.env_names_size(), " variables)");
}

std::string LastTurnText(const v1::TurnAccount& account) {
  const std::string cost = CostText(account), denied = DeniedText(account);
  const absl::string_view fix = DeniedFix(account);
  return OneLine(absl::StrCat(cost, cost.empty() || denied.empty() ? "" : "; ", denied,
                              fix.empty() ? "" : " ", fix));
}

std::string Sessions(const v1::GetStatusResponse& status, int64_t now_ms) {
  if (status.sessions().empty()) return "no sessions\n";
  Rows rows = {{"FROM", "TO", "STATE", "CLAUDE", "WAITING", "DONE", "USED", "SESSION"}};
  std::string stalls;
  for (const v1::SessionStatus& session : status.sessions()) {
    const int64_t used_ms = session.last_used_at_ms();
    rows.push_back({OneLine(session.from()), OneLine(session.to()), OrDash(session.state()),
                    NumberOrDash(session.child_pid()), NumberOrDash(session.tells_waiting()),
                    absl::StrCat(session.tells_done()),
                    used_ms == 0 ? "never" : absl::StrCat(ShowAge(now_ms - used_ms), " ago"),
                    session.session_id()});
    if (!session.stall().empty()) {
      absl::StrAppend(&stalls, session.from(), " to ", session.to(), ": ", OrDash(session.stall()),
                      "\n");
    }
    if (const std::string env = EnvironmentText(session); !env.empty()) {
      absl::StrAppend(&stalls, session.from(), " to ", session.to(), ": ", env, "\n");
    }
    if (const std::string turn = LastTurnText(session.last_turn()); !turn.empty()) {
      absl::StrAppend(&stalls, session.from(), " to ", session.to(), ": last turn: ", turn, "\n");
    }
    for (const v1::PendingPermission& permission : session.permissions()) {
      absl::StrAppend(&stalls, session.to(), " asks ", session.from(), ": ",
                      OrDash(permission.text()), "; iris answer ",
                      OrDash(permission.request_id().substr(0, 8)), " allow|deny\n");
    }
  }
  return absl::StrCat(Table(rows), stalls);
}

std::string ConfigProblem(const v1::GetStatusResponse& status) {
  if (!status.has_config_problem()) return "";
  return absl::StrCat("the configuration cannot be used as it is now, and the last good one is in "
                      "force: ",
                      Printable(Describe(status.config_problem())), "\n");
}

Json HoldingsJson(const v1::HostHoldings& held) {
  return {{"sessions", held.sessions()},
          {"with_child", held.with_child()},
          {"draining", held.draining()},
          {"unverifiable", held.unverifiable()},
          {"claims", held.claims()},
          {"journal_bytes", held.journal_bytes()},
          {"journal_quota_bytes", held.journal_quota_bytes()},
          {"unacknowledged_bytes", held.unacknowledged_bytes()},
          {"longest_unused_ms", held.longest_unused_ms()},
          {"free_disk_bytes", held.free_disk_bytes()},
          {"damaged", held.damaged()},
          {"builds", held.builds()},
          {"build_bytes", held.build_bytes()}};
}

Json LinkJson(const v1::LinkStatus& link) {
  Json json = {{"id", link.id()},
               {"key", link.key()},
               {"same_agent_as", link.same_agent_as()},
               {"teams", std::vector<std::string>(link.teams().begin(), link.teams().end())},
               {"state", link.state()},
               {"mode", link.mode()},
               {"mode_reason", link.mode_reason()},
               {"remark", link.remark()},
               {"hostname", link.hostname()},
               {"ssh_pid", link.ssh_pid()},
               {"losses", link.losses()},
               {"agent", Json{{"pid", link.agent_pid()},
                              {"build", link.agent_build()},
                              {"upgrade_refused", link.upgrade_refused()},
                              {"socket", link.agent_socket()},
                              {"data_dir", link.agent_data_dir()}}}};
  if (link.has_failure()) {
    json["failure"] = FailureJson(link.failure());
    json["failure_age_ms"] = link.failure_age_ms();
  }
  if (link.has_holdings()) json["holdings"] = HoldingsJson(link.holdings());
  if (link.state() == "waiting") json["retry_in_ms"] = link.retry_in_ms();
  return json;
}

Json SessionJson(const v1::SessionStatus& session) {
  Json asks = Json::array();
  for (const v1::PendingPermission& permission : session.permissions()) {
    asks.push_back({{"id", permission.request_id()}, {"asks", permission.text()}});
  }
  Json json = {{"session_id", session.session_id()},
          {"from", session.from()},
          {"to", session.to()},
          {"state", session.state()},
          {"child_pid", session.child_pid()},
          {"child_start_time", session.child_start_time()},
          {"tells_waiting", session.tells_waiting()},
          {"tell_in_flight", session.tell_in_flight()},
          {"answer_bytes", session.answer_bytes()},
          {"stall", session.stall()},
          {"env_from", session.env_from()},
          {"env_names",
           std::vector<std::string>(session.env_names().begin(), session.env_names().end())},
          {"permissions", std::move(asks)},
          {"tells_done", session.tells_done()},
          {"created_at_ms", session.created_at_ms()},
          {"last_used_at_ms", session.last_used_at_ms()}};
  if (session.has_last_turn()) json["last_turn"] = AccountJson<Json>(session.last_turn());
  return json;
}

}  // namespace

std::string StatusText(const v1::GetStatusResponse& status, int64_t now_ms) {
  return absl::StrCat("coordinator: iris ", Printable(status.daemon().build()), ", pid ",
                      status.daemon().pid(), ", up ", ShowAge(status.uptime_ms()), ", ",
                      Printable(status.daemon().config_path()), "\n", ConfigProblem(status), "\n",
                      Links(status), "\n",
                      Sessions(status, now_ms));
}

std::string StatusJson(const v1::GetStatusResponse& status) {
  Json links = Json::array(), sessions = Json::array();
  for (const v1::LinkStatus& link : status.links()) links.push_back(LinkJson(link));
  for (const v1::SessionStatus& session : status.sessions()) {
    sessions.push_back(SessionJson(session));
  }
  Json json = {{"running", true},
               {"pid", status.daemon().pid()},
               {"build", status.daemon().build()},
               {"config_path", status.daemon().config_path()},
               {"uptime_ms", status.uptime_ms()},
               {"links", std::move(links)},
               {"sessions", std::move(sessions)}};
  if (status.has_config_problem()) json["config_problem"] = FailureJson(status.config_problem());
  return Dump(json);
}

}  // namespace iris
