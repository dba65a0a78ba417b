#include "coordinator/service/coordinator_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/link/host_report.h"
#include "coordinator/service/follow_call.h"
#include "coordinator/service/host_story.h"
#include "coordinator/service/lent_env.h"
#include "coordinator/service/mcp_call.h"
#include "coordinator/service/tell_call.h"

namespace iris {

grpc::ServerBidiReactor<v1::TellRequest, v1::TellUpdate>* CoordinatorService::Tell(
    grpc::CallbackServerContext*) {
  return new TellCall(*this);  // Owns itself, until gRPC is done with it.
}

grpc::ServerWriteReactor<v1::TellUpdate>* CoordinatorService::FollowTell(
    grpc::CallbackServerContext*, const v1::FollowTellRequest* request) {
  return new FollowCall(*this, *request);  // Owns itself, until gRPC is done with it.
}

grpc::ServerUnaryReactor* CoordinatorService::ListTells(grpc::CallbackServerContext* context,
                                                        const v1::ListTellsRequest* request,
                                                        v1::ListTellsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  loop_.Post([this, reactor, request, response] {
    ++calls_begun_;
    absl::StatusOr<v1::ListTellsResponse> list =
        orchestrator_.List(request->from(), request->all());
    if (list.ok()) *response = *std::move(list);
    reactor->Finish(ToGrpcStatus(list.status()));
  });
  return reactor;
}

grpc::ServerUnaryReactor* CoordinatorService::CancelTell(grpc::CallbackServerContext* context,
                                                         const v1::CancelTellOfRequest* request,
                                                         v1::CancelTellOfResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  loop_.Post([this, reactor, request, response] {
    if (!BeginCall(reactor)) return;
    orchestrator_.Cancel(
        request->tell_id(), request->from(),
        [this, reactor, response](const absl::StatusOr<v1::CancelTellOfResponse>& result) {
          if (result.ok()) *response = *result;
          EndCall(reactor, result.status());
        });
  });
  return reactor;
}

grpc::ServerUnaryReactor* CoordinatorService::AnswerPermission(
    grpc::CallbackServerContext* context, const v1::AnswerPermissionRequest* request,
    v1::AnswerPermissionResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  loop_.Post([this, reactor, request, response] {
    if (!BeginCall(reactor)) return;
    orchestrator_.AnswerPermission(
        *request,
        [this, reactor, response](const absl::StatusOr<v1::AnswerPermissionResponse>& result) {
          if (result.ok()) *response = *result;
          EndCall(reactor, result.status());
        });
  });
  return reactor;
}

grpc::ServerUnaryReactor* CoordinatorService::GetStatus(grpc::CallbackServerContext* context,
                                                        const v1::GetStatusRequest*,
                                                        v1::GetStatusResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  loop_.Post([this, reactor, response] {
    ++calls_begun_;
    ++open_calls_;
    Status([this, reactor, response](const absl::StatusOr<v1::GetStatusResponse>& status) {
      if (status.ok()) *response = *status;
      EndCall(reactor, status.status());
    });
  });
  return reactor;
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
    done(status);
  });
}

grpc::ServerUnaryReactor* CoordinatorService::ListTeams(grpc::CallbackServerContext* context,
                                                        const v1::ListTeamsRequest*,
                                                        v1::ListTeamsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  loop_.Post([this, reactor, response] {
    ++calls_begun_;
    reactor->Finish(ToGrpcStatus(FillTeams(*response)));
  });
  return reactor;
}

absl::Status CoordinatorService::FillTeams(v1::ListTeamsResponse& response) {
  const absl::StatusOr<std::shared_ptr<const Config>> config = config_.Current();
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
  return new McpCall(*this);  // Owns itself, until gRPC is done with it.
}

void CoordinatorService::EndMcp(const absl::Status& why) {
  for (McpCall* call : mcp_calls_) call->Leave(why);
}

bool CoordinatorService::BeginCall(grpc::ServerUnaryReactor* reactor) {
  ++calls_begun_;
  if (open_calls_ >= kOpenCallsMax) {
    reactor->Finish(ToGrpcStatus(
        MakeFailure(v1::FAILURE_BUSY_LIMIT, absl::StrCat(kOpenCallsMax, " callers wait already"))));
    return false;
  }
  ++open_calls_;
  return true;
}

void CoordinatorService::EndCall(grpc::ServerUnaryReactor* reactor, const absl::Status& outcome) {
  --open_calls_;
  reactor->Finish(ToGrpcStatus(outcome));
}

grpc::ServerUnaryReactor* CoordinatorService::Wake(grpc::CallbackServerContext* context,
                                                   const v1::WakeRequest* request,
                                                   v1::WakeResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  loop_.Post([this, reactor, request, response] {
    if (!BeginCall(reactor)) return;
    daemon_.Lend(LentEnv(request->lent_env()));
    orchestrator_.Wake(
        request->from(), request->to(),
        [this, reactor, response](const absl::StatusOr<v1::WakeResponse>& result) {
          if (result.ok()) *response = *result;
          EndCall(reactor, result.status());
        },
        request->takeover());
  });
  return reactor;
}

grpc::ServerUnaryReactor* CoordinatorService::Sleep(grpc::CallbackServerContext* context,
                                                    const v1::SleepRequest* request,
                                                    v1::SleepResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  loop_.Post([this, reactor, request, response] {
    if (!BeginCall(reactor)) return;
    orchestrator_.Sleep(request->from(), request->to(), request->force(),
                        [this, reactor, response](const absl::StatusOr<v1::SleepResponse>& result) {
                          if (result.ok()) *response = *result;
                          EndCall(reactor, result.status());
                        });
  });
  return reactor;
}

grpc::ServerUnaryReactor* CoordinatorService::Stop(grpc::CallbackServerContext* context,
                                                   const v1::StopRequest* request,
                                                   v1::StopResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  loop_.Post([this, reactor, response, agents = request->agents()] {
    ++calls_begun_;
    ++open_calls_;
    daemon_.Stop(agents, [this, reactor, response](const v1::StopResponse& result) {
      --open_calls_;
      *response = result;
      reactor->Finish(grpc::Status::OK);
    });
  });
  return reactor;
}

}  // namespace iris
