#include "coordinator/mcp/team_runs.h"

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

std::shared_ptr<const std::string> Readable(const Json& json) {
  return std::make_shared<const std::string>(
      json.dump(2, ' ', false, Json::error_handler_t::replace));
}

ToolResult ResultOf(const absl::StatusOr<Json>& json) {
  if (!json.ok()) return {.status = json.status(), .text = nullptr};
  return {.text = Readable(*json)};
}

// Answers from what is known.
class LookRun final : public ToolRun {
 public:
  using Look = std::function<absl::StatusOr<Json>()>;
  LookRun(Look look, ToolListener& listener) : look_(std::move(look)), listener_(listener) {}
  void Start() override { listener_.OnToolDone(ResultOf(look_())); }

 private:
  const Look look_;
  ToolListener& listener_;
};

// Waits for something that cannot be called back: whoever ends the wait leaves `this_` empty.
class WaitRun final : public ToolRun {
 public:
  using Done = std::function<void(const absl::StatusOr<Json>&)>;
  using Begin = std::function<void(Done)>;
  WaitRun(std::string doing, Begin begin, ToolListener& listener)
      : doing_(std::move(doing)), begin_(std::move(begin)), listener_(listener) {}

  void Start() override {
    listener_.OnToolProgress(doing_);
    begin_([weak = std::weak_ptr<WaitRun*>(this_)](const absl::StatusOr<Json>& json) {
      const std::shared_ptr<WaitRun*> run = weak.lock();
      if (run != nullptr) (*run)->listener_.OnToolDone(ResultOf(json));
    });
  }

 private:
  const std::string doing_;
  const Begin begin_;
  ToolListener& listener_;
  const std::shared_ptr<WaitRun*> this_ = std::make_shared<WaitRun*>(this);
};

void SetUnlessEmpty(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

absl::StatusOr<Json> ListTeams(McpDesk& desk) {
  const absl::StatusOr<v1::ListTeamsResponse> teams = desk.Teams();
  if (!teams.ok()) return teams.status();
  Json list = Json::array();
  for (const v1::TeamInfo& team : teams->teams()) {
    Json entry = {{"name", team.name()}};
    SetUnlessEmpty(entry, "description", team.description());
    entry["path"] = team.path();
    SetUnlessEmpty(entry, "remote", team.remote());
    list.push_back(std::move(entry));
  }
  return Json{{"teams", std::move(list)}};
}

void AddLink(const std::string& team, const v1::GetStatusResponse& status, Json& entry) {
  for (const v1::LinkStatus& link : status.links()) {
    for (const std::string& name : link.teams()) {
      if (name != team) continue;
      entry["host"] = link.key();
      entry["link"] = link.state();
      if (link.has_failure() && link.state() != "up") entry["problem"] = Describe(link.failure());
      return;
    }
  }
}

void AddSession(const std::string& from, const std::string& team,
                const v1::GetStatusResponse& status, Json& entry) {
  entry["session"] = "none";
  for (const v1::SessionStatus& session : status.sessions()) {
    if (session.from() != from || session.to() != team) continue;
    entry["session"] = session.state();
    if (session.child_pid() != 0) entry["childPid"] = session.child_pid();
    entry["waiting"] = session.tells_waiting();
    SetUnlessEmpty(entry, "inFlight", session.tell_in_flight());
    if (!session.tell_in_flight().empty()) entry["answerBytes"] = session.answer_bytes();
    entry["answered"] = session.tells_done();
    if (session.last_used_at_ms() != 0) {
      entry["lastUsed"] =
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(session.last_used_at_ms()),
                           absl::UTCTimeZone());
    }
  }
}

// `only` empty: all of them.
absl::StatusOr<Json> Status(McpDesk& desk, const std::string& from, const std::string& only) {
  const absl::StatusOr<v1::ListTeamsResponse> teams = desk.Teams();
  if (!teams.ok()) return teams.status();
  const absl::StatusOr<v1::GetStatusResponse> status = desk.Status();
  if (!status.ok()) return status.status();
  Json list = Json::array();
  for (const v1::TeamInfo& team : teams->teams()) {
    if (!only.empty() && team.name() != only) continue;
    Json entry = {{"team", team.name()}, {"host", team.remote().empty() ? "local" : team.remote()}};
    AddLink(team.name(), *status, entry);
    AddSession(from, team.name(), *status, entry);
    list.push_back(std::move(entry));
  }
  if (list.empty() && !only.empty()) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("there is no team \"", absl::Utf8SafeCEscape(only), "\""),
                       "list_teams shows the teams that there are.");
  }
  return Json{{"teams", std::move(list)}};
}

std::string Text(const ToolCall& call, const char* name) {
  const auto found = call.arguments.find(name);
  return found == call.arguments.end() ? "" : found->get<std::string>();
}

}  // namespace

std::unique_ptr<ToolRun> MakeListTeamsRun(McpDesk& desk, ToolListener& listener) {
  return std::make_unique<LookRun>([&desk] { return ListTeams(desk); }, listener);
}

std::unique_ptr<ToolRun> MakeStatusRun(McpDesk& desk, const ToolCall& call,
                                       ToolListener& listener) {
  return std::make_unique<LookRun>([&desk, from = Text(call, "fromTeam"),
                                    only = Text(call, "team")] { return Status(desk, from, only); },
                                   listener);
}

std::unique_ptr<ToolRun> MakeWakeRun(McpDesk& desk, const ToolCall& call, ToolListener& listener) {
  const std::string from = Text(call, "fromTeam"), team = Text(call, "team");
  const auto begin = [&desk, from, team](WaitRun::Done done) {
    desk.Wake(from, team, [team, done](const absl::StatusOr<v1::WakeResponse>& woken) {
      if (!woken.ok()) return done(woken.status());
      done(Json{{"team", team},
                {"ready", true},
                {"wasReady", woken->was_ready()},
                {"childPid", woken->child_pid()}});
    });
  };
  return std::make_unique<WaitRun>(absl::StrCat("waking ", team), begin, listener);
}

std::unique_ptr<ToolRun> MakeSleepRun(McpDesk& desk, const ToolCall& call, ToolListener& listener) {
  const std::string from = Text(call, "fromTeam"), team = Text(call, "team");
  const auto force = call.arguments.find("force");
  const bool forced = force != call.arguments.end() && force->get<bool>();
  const auto begin = [&desk, from, team, forced](WaitRun::Done done) {
    desk.Sleep(from, team, forced, [team, done](const absl::StatusOr<v1::SleepResponse>& asleep) {
      if (!asleep.ok()) return done(asleep.status());
      done(Json{{"team", team}, {"asleep", true}, {"wasRunning", asleep->was_running()}});
    });
  };
  return std::make_unique<WaitRun>(absl::StrCat("putting ", team, " to sleep"), begin, listener);
}

}  // namespace iris
