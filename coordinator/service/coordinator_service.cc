#include "coordinator/service/coordinator_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_report.h"
#include "coordinator/service/follow_call.h"
#include "coordinator/service/host_story.h"
#include "coordinator/service/lent_env.h"
#include "coordinator/service/mcp_call.h"
#include "coordinator/service/tell_call.h"

namespace iris {
namespace {

// No connection says so before the team is used.
void NoteWhatIsLocal(const Config& config, v1::GetStatusResponse& status) {
  for (v1::SessionStatus& session : *status.mutable_sessions()) {
    const Team* const team = config.FindTeam(session.to());
    session.set_is_local(team != nullptr && !team->remote.has_value());
  }
}

}  // namespace

template <typename Response>
bool CoordinatorService::BeginCall(const ServerReply<Response>& reply) {
  ++calls_begun_;
  if (open_calls_ >= kOpenCallsMax) {
    reply.Give(
        MakeFailure(v1::FAILURE_BUSY_LIMIT, absl::StrCat(kOpenCallsMax, " callers wait already")));
    return false;
  }
  ++open_calls_;
  return true;
}

template <typename Response>
auto CoordinatorService::EndCall(ServerReply<Response> reply) {
  return [this, reply = std::move(reply)](const absl::StatusOr<Response>& outcome) {
    --open_calls_;
    reply.Give(outcome);
  };
}

grpc::ServerBidiReactor<v1::TellRequest, v1::TellUpdate>* CoordinatorService::Tell(
    grpc::CallbackServerContext*) {
  return TellCall::Serve<TellCall>(*this);
}

grpc::ServerWriteReactor<v1::TellUpdate>* CoordinatorService::FollowTell(
    grpc::CallbackServerContext*, const v1::FollowTellRequest* request) {
  return FollowCall::Serve<FollowCall>(*this, *request);
}

grpc::ServerUnaryReactor* CoordinatorService::MarkFetched(grpc::CallbackServerContext* context,
                                                          const v1::MarkFetchedRequest* request,
                                                          v1::MarkFetchedResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    ++calls_begun_;
    const absl::StatusOr<v1::TellSummary> tell =
        orchestrator_.Find(request->tell_id(), request->from());
    if (!tell.ok()) return reply.Give(tell.status());
    orchestrator_.MarkFetched(request->tell_id());
    reply.Give(v1::MarkFetchedResponse());
  });
}

grpc::ServerUnaryReactor* CoordinatorService::ListTells(grpc::CallbackServerContext* context,
                                                        const v1::ListTellsRequest* request,
                                                        v1::ListTellsResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    ++calls_begun_;
    const absl::StatusOr<v1::ListTellsResponse> tells =
        orchestrator_.List(request->from(), request->all());
    if (tells.ok() && request->has_environment()) {
      AskFor(*tells, EnvironmentOf(request->environment()));
    }
    reply.Give(tells);
  });
}

void CoordinatorService::AskFor(const v1::ListTellsResponse& tells,
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

void CoordinatorService::AskForOne(const std::string& tell_id, const std::string& caller,
                                   const SharedEnvironment& environment) {
  absl::StatusOr<v1::TellSummary> tell = orchestrator_.Find(tell_id, caller);
  if (!tell.ok()) return;
  v1::ListTellsResponse one;
  *one.add_tells() = *std::move(tell);
  AskFor(one, environment);
}

grpc::ServerUnaryReactor* CoordinatorService::CancelTell(grpc::CallbackServerContext* context,
                                                         const v1::CancelTellOfRequest* request,
                                                         v1::CancelTellOfResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    if (!BeginCall(reply)) return;
    if (request->has_environment()) {
      AskForOne(request->tell_id(), request->from(), EnvironmentOf(request->environment()));
    }
    orchestrator_.Cancel(request->tell_id(), request->from(), EndCall(reply));
  });
}

grpc::ServerUnaryReactor* CoordinatorService::AnswerPermission(
    grpc::CallbackServerContext* context, const v1::AnswerPermissionRequest* request,
    v1::AnswerPermissionResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    if (!BeginCall(reply)) return;
    orchestrator_.AnswerPermission(*request, EndCall(reply));
  });
}

grpc::ServerUnaryReactor* CoordinatorService::GetStatus(grpc::CallbackServerContext* context,
                                                        const v1::GetStatusRequest*,
                                                        v1::GetStatusResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this](auto reply) {
    ++calls_begun_;
    ++open_calls_;
    Status(EndCall(reply));
  });
}

void CoordinatorService::Status(StatusDone done) {
  daemon_.AskHosts([this, alive = std::weak_ptr<bool>(alive_),
                    done = std::move(done)](const std::vector<HostReport>& hosts) {
    if (alive.expired()) return;
    v1::GetStatusResponse status = daemon_.Status();
    absl::StatusOr<std::vector<v1::SessionStatus>> sessions = orchestrator_.Status();
    if (!sessions.ok()) return done(sessions.status());
    for (v1::SessionStatus& session : *sessions) *status.add_sessions() = std::move(session);
    AddHostStories(hosts, status);
    const absl::StatusOr<std::shared_ptr<const Config>> config = config_.Current();
    if (config.ok()) NoteWhatIsLocal(**config, status);
    if (!config_.problem().ok()) *status.mutable_config_problem() = ToProto(config_.problem());
    done(status);
  });
}

grpc::ServerUnaryReactor* CoordinatorService::ListTeams(grpc::CallbackServerContext* context,
                                                        const v1::ListTeamsRequest* request,
                                                        v1::ListTeamsResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    ++calls_begun_;
    SharedEnvironment asker;
    if (request->has_environment()) asker = EnvironmentOf(request->environment());
    v1::ListTeamsResponse teams;
    const absl::Status filled = FillTeams(asker, teams);
    const std::string own = orchestrator_.TeamOf(request->claude_session_id());
    const bool is_configured =
        std::any_of(teams.teams().begin(), teams.teams().end(),
                    [&own](const v1::TeamInfo& team) { return team.name() == own; });
    if (is_configured) teams.set_own_team(own);
    if (!config_.problem().ok()) *teams.mutable_config_problem() = ToProto(config_.problem());
    filled.ok() ? reply.Give(std::move(teams)) : reply.Give(filled);
  });
}

absl::Status CoordinatorService::FillTeams(const SharedEnvironment& asker,
                                           v1::ListTeamsResponse& response) {
  const absl::StatusOr<std::shared_ptr<const Config>> config = config_.Current(asker);
  if (!config.ok()) return config.status();
  for (const Team& team : (*config)->teams) {
    v1::TeamInfo* info = response.add_teams();
    info->set_name(team.name);
    info->set_path(team.path);
    info->set_description(team.description);
    if (team.remote.has_value()) info->set_remote(team.remote->text);
    info->set_color(team.color);
  }
  return absl::OkStatus();
}

grpc::ServerBidiReactor<v1::McpClientMessage, v1::McpServerMessage>* CoordinatorService::Mcp(
    grpc::CallbackServerContext*) {
  return McpCall::Serve<McpCall>(*this);
}

void CoordinatorService::EndMcp(const absl::Status& why) {
  for (McpCall* call : mcp_calls_) call->Leave(why);
}

grpc::ServerUnaryReactor* CoordinatorService::Wake(grpc::CallbackServerContext* context,
                                                   const v1::WakeRequest* request,
                                                   v1::WakeResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    if (!BeginCall(reply)) return;
    const SharedEnvironment environment = EnvironmentIn(*request);
    daemon_.FollowConfig();
    orchestrator_.Wake(request->from(), request->to(), EndCall(reply), request->takeover(),
                       environment);
  });
}

grpc::ServerUnaryReactor* CoordinatorService::Sleep(grpc::CallbackServerContext* context,
                                                    const v1::SleepRequest* request,
                                                    v1::SleepResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    if (!BeginCall(reply)) return;
    SharedEnvironment environment;
    if (request->has_environment()) environment = EnvironmentOf(request->environment());
    orchestrator_.Sleep(request->from(), request->to(), request->force(), EndCall(reply),
                        environment);
  });
}

grpc::ServerUnaryReactor* CoordinatorService::Stop(grpc::CallbackServerContext* context,
                                                   const v1::StopRequest* request,
                                                   v1::StopResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    ++calls_begun_;
    ++open_calls_;
    daemon_.Stop(*request, EndCall(reply));
  });
}

}  // namespace iris
