#include "coordinator/mcp/team_runs.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/quoted.h"
#include "common/failure/failure.h"
#include "coordinator/account/account_text.h"
#include "coordinator/desk/state_names.h"
#include "coordinator/mcp/json_runs.h"

namespace iris {
namespace {

constexpr size_t kTellsShown = 20;

// What everybody's sessions with the team have to do.
void AddWork(const std::string& team, const v1::GetStatusResponse& status, Json& entry) {
  uint64_t open = 0;
  std::string stall;
  for (const v1::SessionStatus& session : status.sessions()) {
    if (session.to() != team) continue;
    open += session.tells_waiting() + (session.tell_in_flight().empty() ? 0 : 1);
    if (stall.empty()) stall = session.stall();
  }
  if (open > 0) entry["openMessages"] = open;
  SetUnlessEmpty(entry, "stall", stall);
}

absl::StatusOr<Json> ListTeams(Desk& desk, const Visitor& visitor,
                               const v1::GetStatusResponse& status) {
  const absl::StatusOr<v1::ListTeamsResponse> teams = desk.Teams(visitor);
  if (!teams.ok()) return teams.status();
  Json list = Json::array();
  for (const v1::TeamInfo& team : teams->teams()) {
    Json entry = {{"name", team.name()}};
    SetUnlessEmpty(entry, "description", team.description());
    entry["path"] = team.path();
    SetUnlessEmpty(entry, "remote", team.remote());
    AddWork(team.name(), status, entry);
    list.push_back(std::move(entry));
  }
  return Json{{"teams", std::move(list)}};
}

void AddLink(const std::string& team, const v1::GetStatusResponse& status, Json& entry) {
  for (const v1::LinkStatus& link : status.links()) {
    for (const std::string& name : link.teams()) {
      if (name != team) continue;
      entry["host"] = link.key();
      entry["link"] = std::string(StateName(link.state()));
      if (link.has_failure() && link.state() != v1::LinkStatus::UP)
        entry["problem"] = Describe(link.failure());
      return;
    }
  }
}

// Names alone: values may be secrets. They are many, so only for who asks for one team.
void AddEnvironment(const v1::SessionStatus& session, bool with_names, Json& entry) {
  if (session.env_from().empty()) return;
  Json environment = {{"of", session.env_from()}};
  if (!session.env_lacks().empty()) {
    environment["lacks"] =
        std::vector<std::string>(session.env_lacks().begin(), session.env_lacks().end());
  }
  if (with_names) {
    environment["variables"] =
        std::vector<std::string>(session.env_names().begin(), session.env_names().end());
  }
  entry["environment"] = std::move(environment);
}

// Answered by a person, not by the model that waits: it only says what to do.
void AddPermissions(const v1::SessionStatus& session, Json& entry) {
  Json asks = Json::array();
  for (const v1::PendingPermission& permission : session.permissions()) {
    asks.push_back(
        {{"asks", permission.text()},
         {"answerWith", absl::StrCat("iris answer ", permission.request_id(), " allow|deny")}});
  }
  if (!asks.empty()) entry["asksPermission"] = std::move(asks);
}

void AddSession(const Caller& from, const std::string& team, bool all_of_it,
                const v1::GetStatusResponse& status, Json& entry) {
  entry["session"] = "none";
  for (const v1::SessionStatus& session : status.sessions()) {
    if (session.from() != from.name() || session.to() != team) continue;
    entry["session"] = std::string(StateName(session.state()));
    if (session.child_pid() != 0) entry["childPid"] = session.child_pid();
    entry["waiting"] = session.tells_waiting();
    SetUnlessEmpty(entry, "inFlight", session.tell_in_flight());
    if (!session.tell_in_flight().empty()) entry["answerBytes"] = session.answer_bytes();
    SetUnlessEmpty(entry, "stall", session.stall());
    AddPermissions(session, entry);
    AddEnvironment(session, all_of_it, entry);
    entry["answered"] = session.tells_done();
    if (session.has_trouble() && !entry.contains("problem")) {
      entry["problem"] = Describe(session.trouble());
    }
    if (session.has_last_turn()) entry["lastTurn"] = AccountJson<Json>(session.last_turn());
    if (session.last_used_at_ms() != 0) {
      entry["lastUsed"] =
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(session.last_used_at_ms()),
                           absl::UTCTimeZone());
    }
  }
}

// The ids of the caller's messages to the team that are not answered yet, and of those whose answer
// it has not fetched.
void AddTells(const std::string& team, const v1::ListTellsResponse& tells, Json& entry) {
  Json open = Json::array(), answered = Json::array();
  for (const v1::TellSummary& tell : tells.tells()) {
    if (tell.to() != team) continue;
    Json& list = tell.state() == v1::TellSummary::SETTLED ? answered : open;
    if (list.size() < kTellsShown) list.push_back(tell.tell_id());
  }
  if (!open.empty()) entry["open"] = std::move(open);
  if (!answered.empty()) entry["answersWaiting"] = std::move(answered);
}

// `only` empty: all of them.
absl::StatusOr<Json> TeamStatus(Desk& desk, const Visitor& visitor, const std::string& only,
                                const v1::GetStatusResponse& status,
                                const absl::StatusOr<v1::ListTellsResponse>& tells) {
  const absl::StatusOr<v1::ListTeamsResponse> teams = desk.Teams(visitor);
  if (!teams.ok()) return teams.status();
  if (!tells.ok()) return tells.status();
  Json list = Json::array();
  for (const v1::TeamInfo& team : teams->teams()) {
    if (!only.empty() && team.name() != only) continue;
    Json entry = {{"team", team.name()}, {"host", team.remote().empty() ? "local" : team.remote()}};
    AddLink(team.name(), status, entry);
    AddSession(visitor.caller, team.name(), /*all_of_it=*/!only.empty(), status, entry);
    AddTells(team.name(), *tells, entry);
    list.push_back(std::move(entry));
  }
  if (list.empty() && !only.empty()) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, absl::StrCat("there is no team ", Quoted(only)),
                       "list_teams shows the teams that there are.");
  }
  return Json{{"teams", std::move(list)}};
}

}  // namespace

std::unique_ptr<ToolRun> MakeListTeamsRun(Desk& desk, const ToolCall& call,
                                          ToolListener& listener) {
  return std::make_unique<StatusRun>(
      desk,
      [&desk, visitor = call.visitor](const v1::GetStatusResponse& status, StatusRun::Done done) {
        done(ListTeams(desk, visitor, status));
      },
      listener);
}

std::unique_ptr<ToolRun> MakeStatusRun(Desk& desk, const ToolCall& call, ToolListener& listener) {
  return std::make_unique<StatusRun>(
      desk,
      [&desk, visitor = call.visitor, only = TextArgument(call, "team")](
          const v1::GetStatusResponse& status, StatusRun::Done done) {
        desk.List(visitor.caller, /*all=*/false, /*environment=*/nullptr,
                  [&desk, visitor, only, status,
                   done](const absl::StatusOr<v1::ListTellsResponse>& tells) {
                    done(TeamStatus(desk, visitor, only, status, tells));
                  });
      },
      listener);
}

std::unique_ptr<ToolRun> MakeWakeRun(Desk& desk, const ToolCall& call, ToolListener& listener) {
  const std::string team = TextArgument(call, "team");
  const auto begin = [&desk, visitor = call.visitor, team](WaitRun::Done done) {
    desk.Wake(visitor, team, /*takeover=*/false,
              [team, done](const absl::StatusOr<v1::WakeResponse>& woken) {
                if (!woken.ok()) return done(woken.status());
                done(Json{{"team", team},
                          {"ready", true},
                          {"wasReady", woken->was_ready()},
                          {"childPid", woken->child_pid()}});
              });
  };
  return std::make_unique<WaitRun>(absl::StrCat("waking ", team), begin, listener);
}

std::unique_ptr<ToolRun> MakeSleepRun(Desk& desk, const ToolCall& call, ToolListener& listener) {
  const std::string team = TextArgument(call, "team");
  const bool forced = FlagArgument(call, "force");
  const auto begin = [&desk, visitor = call.visitor, team, forced](WaitRun::Done done) {
    desk.Sleep(
        visitor, team, forced, [team, done](const absl::StatusOr<v1::SleepResponse>& asleep) {
          if (!asleep.ok()) return done(asleep.status());
          done(Json{{"team", team}, {"asleep", true}, {"wasRunning", asleep->was_running()}});
        });
  };
  return std::make_unique<WaitRun>(absl::StrCat("putting ", team, " to sleep"), begin, listener);
}

}  // namespace iris
