#include "coordinator/desk/coordinator_desk.h"

#include <utility>

#include "common/failure/failure.h"
#include "coordinator/config/config.h"
#include "coordinator/desk/merge_host_reports.h"

namespace iris {
namespace {

v1::TeamInfo InfoOf(const Team& team) {
  v1::TeamInfo info;
  info.set_name(team.name);
  info.set_path(team.path);
  info.set_description(team.description);
  if (team.remote.has_value()) info.set_remote(team.remote->text);
  info.set_color(team.color);
  return info;
}

// No connection says so before the team is used.
void NoteWhatIsConfigured(const Config& config, v1::GetStatusResponse& status) {
  for (v1::SessionStatus& session : *status.mutable_sessions()) {
    const Team* const team = config.FindTeam(session.to());
    session.set_is_local(team != nullptr && !team->remote.has_value());
    session.set_is_removed(team == nullptr);
  }
}

}  // namespace

CoordinatorDesk::CoordinatorDesk(EventLoop& loop, Orchestrator& orchestrator, LiveConfig& config,
                                 DaemonControl& daemon, uint64_t first_change)
    : orchestrator_(orchestrator),
      config_(config),
      daemon_(daemon),
      feed_(loop, first_change,
            {.look = [this](const std::vector<HostReport>& hosts,
                            Feed::LookDone done) { BoardWith(hosts, std::move(done)); },
             .ask_hosts = [this](HostReportsDone done) { daemon_.AskHosts(std::move(done)); }}) {}

absl::Status CoordinatorDesk::Tell(TellSpec spec, TellObserver* observer) {
  feed_.Poke();
  absl::Status taken = orchestrator_.Tell(std::move(spec), observer);
  if (taken.ok()) daemon_.FollowConfig();
  return taken;
}

absl::Status CoordinatorDesk::Follow(const std::string& tell_id, const Visitor& visitor,
                                     bool asker_waits, TellObserver* observer) {
  absl::Status followed = orchestrator_.Follow(
      tell_id, visitor.caller, observer, asker_waits ? visitor.claude_session : std::string());
  if (followed.ok()) LendToOne(tell_id, visitor);
  return followed;
}

void CoordinatorDesk::RemoveObserver(const std::string& tell_id, TellObserver* observer) {
  orchestrator_.RemoveObserver(tell_id, observer);
}

absl::StatusOr<v1::TellSummary> CoordinatorDesk::Find(const std::string& tell_id,
                                                      const Caller& caller) {
  return orchestrator_.Find(tell_id, caller);
}

void CoordinatorDesk::List(const Caller& from, bool all, const SharedEnvironment& environment,
                           ListDone done) {
  orchestrator_.List(from, all,
                     [this, alive = alive_.Watch(), environment,
                      done = std::move(done)](const absl::StatusOr<v1::ListTellsResponse>& tells) {
                       if (!alive) return;
                       if (tells.ok()) LendTo(*tells, environment);
                       done(tells);
                     });
}

absl::StatusOr<std::vector<Store::WaitingAnswer>> CoordinatorDesk::Unread(const Caller& from) {
  return orchestrator_.Unfetched(from);
}

absl::Status CoordinatorDesk::MarkRead(const std::string& tell_id, const Caller& caller) {
  const absl::StatusOr<v1::TellSummary> tell = orchestrator_.Find(tell_id, caller);
  if (!tell.ok()) return tell.status();
  orchestrator_.MarkFetched(tell_id);
  feed_.Poke();
  return absl::OkStatus();
}

void CoordinatorDesk::Cancel(const std::string& tell_id, const Visitor& visitor, CancelDone done) {
  feed_.Poke();
  LendToOne(tell_id, visitor);
  orchestrator_.Cancel(tell_id, visitor.caller, std::move(done));
}

void CoordinatorDesk::AnswerPermission(const v1::AnswerPermissionRequest& request,
                                       AnswerDone done) {
  feed_.Poke();
  orchestrator_.AnswerPermission(request, std::move(done));
}

void CoordinatorDesk::Wake(const Visitor& visitor, const std::string& to, bool takeover,
                           WakeDone done) {
  feed_.Poke();
  daemon_.FollowConfig();
  orchestrator_.Wake(visitor.caller, to, std::move(done), takeover, visitor.environment);
}

void CoordinatorDesk::Sleep(const Visitor& visitor, const std::string& to, bool force,
                            SleepDone done) {
  feed_.Poke();
  orchestrator_.Sleep(visitor.caller, to, force, std::move(done), visitor.environment);
}

absl::StatusOr<v1::ListTeamsResponse> CoordinatorDesk::Teams(const Visitor& visitor) {
  const absl::StatusOr<std::shared_ptr<const Config>> config = config_.Current(visitor.environment);
  if (!config.ok()) return config.status();
  v1::ListTeamsResponse teams;
  for (const Team& team : (*config)->teams) *teams.add_teams() = InfoOf(team);
  const std::string own = orchestrator_.TeamOf(visitor.claude_session);
  if ((*config)->FindTeam(own) != nullptr) teams.set_own_team(own);
  if (!config_.problem().ok()) *teams.mutable_config_problem() = ToProto(config_.problem());
  return teams;
}

absl::Status CoordinatorDesk::ConfigProblem(const SharedEnvironment& environment) {
  config_.Current(environment).IgnoreError();  // Looks at the file.
  return config_.problem();
}

void CoordinatorDesk::Status(StatusDone done) {
  daemon_.AskHosts(
      [this, alive = alive_.Watch(), done = std::move(done)](const std::vector<HostReport>& hosts) {
        if (alive) StatusWith(hosts, done);
      });
}

void CoordinatorDesk::StatusWith(const std::vector<HostReport>& hosts, StatusDone done) {
  orchestrator_.Status([this, alive = alive_.Watch(), hosts, done = std::move(done)](
                           absl::StatusOr<std::vector<v1::SessionStatus>> sessions) {
    if (!alive) return;
    if (!sessions.ok()) return done(sessions.status());
    done(StatusOf(*std::move(sessions), hosts));
  });
}

v1::GetStatusResponse CoordinatorDesk::StatusOf(std::vector<v1::SessionStatus> sessions,
                                                const std::vector<HostReport>& hosts) {
  v1::GetStatusResponse status = daemon_.Status();
  for (v1::SessionStatus& session : sessions) *status.add_sessions() = std::move(session);
  MergeHostReports(hosts, status);
  const absl::StatusOr<std::shared_ptr<const Config>> config = config_.Current();
  if (config.ok()) NoteWhatIsConfigured(**config, status);
  if (!config_.problem().ok()) *status.mutable_config_problem() = ToProto(config_.problem());
  return status;
}

void CoordinatorDesk::BoardWith(const std::vector<HostReport>& hosts, Feed::LookDone done) {
  StatusWith(
      hosts, [this, done = std::move(done)](const absl::StatusOr<v1::GetStatusResponse>& status) {
        if (!status.ok()) return done(status.status());
        orchestrator_.List(Caller(), /*all=*/false,
                           [this, alive = alive_.Watch(), done,
                            status = *status](const absl::StatusOr<v1::ListTellsResponse>& tells) {
                             if (!alive) return;
                             if (!tells.ok()) return done(tells.status());
                             done(BoardOf(status, *tells));
                           });
      });
}

BoardState CoordinatorDesk::BoardOf(const v1::GetStatusResponse& status,
                                    const v1::ListTellsResponse& tells) {
  BoardState board = {.links = {status.links().begin(), status.links().end()},
                      .sessions = {status.sessions().begin(), status.sessions().end()},
                      .tells = {tells.tells().begin(), tells.tells().end()}};
  const absl::StatusOr<v1::ListTeamsResponse> teams = Teams({});
  if (teams.ok()) board.teams = {teams->teams().begin(), teams->teams().end()};
  board.config_problem = teams.ok() ? config_.problem() : teams.status();
  return board;
}

void CoordinatorDesk::Stop(const StopSpec& spec, StopDone done) {
  daemon_.Stop(spec, std::move(done));
}

void CoordinatorDesk::LendTo(const v1::ListTellsResponse& tells,
                             const SharedEnvironment& environment) {
  if (environment == nullptr) return;
  // First: what is lent for one is the session's.
  std::vector<const v1::TellSummary*> lacking;
  for (const v1::TellSummary& tell : tells.tells()) {
    const std::string& id = tell.tell_id();
    if (orchestrator_.LacksAsker(id) || orchestrator_.HasLentAsker(id)) lacking.push_back(&tell);
  }
  for (const v1::TellSummary* tell : lacking) orchestrator_.AskFor(tell->tell_id(), environment);
  if (!lacking.empty()) daemon_.FollowConfig();
}

void CoordinatorDesk::LendToOne(const std::string& tell_id, const Visitor& visitor) {
  if (visitor.environment == nullptr) return;
  absl::StatusOr<v1::TellSummary> tell = orchestrator_.Find(tell_id, visitor.caller);
  if (!tell.ok()) return;
  v1::ListTellsResponse one;
  *one.add_tells() = *std::move(tell);
  LendTo(one, visitor.environment);
}

}  // namespace iris
