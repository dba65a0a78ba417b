#include <string>
#include <utility>
#include <vector>

#include "coordinator/account/account_text.h"
#include "coordinator/cli/json.h"
#include "coordinator/cli/report.h"
#include "coordinator/desk/state_names.h"
#include "coordinator/link/link_facts.h"

namespace iris {
namespace {

Json HoldingsJson(const v1::HostHoldings& held) {
  return {{"sessions", held.sessions()},
          {"withChild", held.with_child()},
          {"draining", held.draining()},
          {"unverifiable", held.unverifiable()},
          {"claims", held.claims()},
          {"journalBytes", held.journal_bytes()},
          {"journalQuotaBytes", held.journal_quota_bytes()},
          {"unacknowledgedBytes", held.unacknowledged_bytes()},
          {"longestUnusedMs", held.longest_unused_ms()},
          {"freeDiskBytes", held.free_disk_bytes()},
          {"damaged", held.damaged()},
          {"builds", held.builds()},
          {"buildBytes", held.build_bytes()}};
}

Json LinkJson(const v1::LinkStatus& link) {
  Json json = {{"id", link.id()},
               {"key", link.key()},
               {"sameAgentAs", link.same_agent_as()},
               {"teams", std::vector<std::string>(link.teams().begin(), link.teams().end())},
               {"state", std::string(StateName(link.state()))},
               {"mode", link.mode()},
               {"modeReason", link.mode_reason()},
               {"remark", link.remark()},
               {"hostname", link.hostname()},
               {"sshPid", FactNumber(link, "sshPid")},
               {"losses", link.losses()},
               {"agent", Json{{"pid", link.agent_pid()},
                              {"build", link.agent_build()},
                              {"upgradeRefused", link.upgrade_refused()},
                              {"socket", link.agent_socket()},
                              {"dataDir", link.agent_data_dir()}}}};
  if (link.has_failure()) {
    json["failure"] = FailureJson(link.failure());
    json["failureAgeMs"] = link.failure_age_ms();
  }
  if (link.has_holdings()) json["holdings"] = HoldingsJson(link.holdings());
  if (link.state() == v1::LinkStatus::WAITING) json["retryInMs"] = link.retry_in_ms();
  return json;
}

Json SessionJson(const v1::SessionStatus& session) {
  Json asks = Json::array();
  for (const v1::PendingPermission& permission : session.permissions()) {
    asks.push_back({{"id", permission.request_id()}, {"asks", permission.text()}});
  }
  Json json = {{"sessionId", session.session_id()},
               {"from", session.from()},
               {"to", session.to()},
               {"state", std::string(StateName(session.state()))},
               {"childPid", session.child_pid()},
               {"childStartTime", session.child_start_time()},
               {"tellsWaiting", session.tells_waiting()},
               {"tellInFlight", session.tell_in_flight()},
               {"answerBytes", session.answer_bytes()},
               {"stall", session.stall()},
               {"envFrom", session.env_from()},
               {"envNames",
                std::vector<std::string>(session.env_names().begin(), session.env_names().end())},
               {"envLacks",
                std::vector<std::string>(session.env_lacks().begin(), session.env_lacks().end())},
               {"permissions", std::move(asks)},
               {"tellsDone", session.tells_done()},
               {"created", Moment(session.created_at_ms())}};
  if (session.last_used_at_ms() != 0) json["lastUsed"] = Moment(session.last_used_at_ms());
  if (session.has_last_turn()) json["lastTurn"] = AccountJson<Json>(session.last_turn());
  if (session.has_trouble()) json["trouble"] = FailureJson(session.trouble());
  if (session.is_removed()) json["removed"] = true;
  return json;
}

}  // namespace

std::string StatusJson(const v1::GetStatusResponse& status) {
  Json links = Json::array(), sessions = Json::array();
  for (const v1::LinkStatus& link : status.links()) links.push_back(LinkJson(link));
  for (const v1::SessionStatus& session : status.sessions()) {
    sessions.push_back(SessionJson(session));
  }
  Json json = Reply(true);
  json["running"] = true;
  json["pid"] = status.daemon().pid();
  json["build"] = status.daemon().build();
  json["configPath"] = status.daemon().config_path();
  json["uptimeMs"] = status.uptime_ms();
  json["links"] = std::move(links);
  json["sessions"] = std::move(sessions);
  if (status.has_config_problem()) json["configProblem"] = FailureJson(status.config_problem());
  return Dump(json);
}

std::string NotRunning(bool json) {
  if (!json) return "no coordinator runs; it starts by itself with the first message\n";
  Json out = Reply(true);
  out["running"] = false;
  return Dump(out) + "\n";
}

}  // namespace iris
