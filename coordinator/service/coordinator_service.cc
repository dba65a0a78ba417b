#include "coordinator/service/coordinator_service.h"

#include <utility>

#include "coordinator/caller/caller.h"
#include "coordinator/service/follow_call.h"
#include "coordinator/service/mcp_call.h"
#include "coordinator/service/tell_call.h"
#include "coordinator/service/visitor_in.h"

namespace iris {

template <typename Response>
bool CoordinatorService::BeginCall(const ServerReply<Response>& reply) {
  const absl::Status begun = calls_.Begin();
  if (begun.ok()) return true;
  calls_.End();
  reply.Give(begun);
  return false;
}

template <typename Response>
auto CoordinatorService::EndCall(ServerReply<Response> reply) {
  return [this, reply = std::move(reply)](const absl::StatusOr<Response>& outcome) {
    calls_.End();
    reply.Give(outcome);
  };
}

grpc::ServerBidiReactor<v1::TellRequest, v1::TellUpdate>* CoordinatorService::Tell(
    grpc::CallbackServerContext*) {
  return TellCall::Serve<TellCall>(parts_);
}

grpc::ServerWriteReactor<v1::TellUpdate>* CoordinatorService::FollowTell(
    grpc::CallbackServerContext*, const v1::FollowTellRequest* request) {
  return FollowCall::Serve<FollowCall>(parts_, *request);
}

grpc::ServerUnaryReactor* CoordinatorService::MarkFetched(grpc::CallbackServerContext* context,
                                                          const v1::MarkFetchedRequest* request,
                                                          v1::MarkFetchedResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    calls_.Note();
    const absl::Status marked = desk_.MarkRead(request->tell_id(), Caller::Named(request->from()));
    marked.ok() ? reply.Give(v1::MarkFetchedResponse()) : reply.Give(marked);
  });
}

grpc::ServerUnaryReactor* CoordinatorService::ListTells(grpc::CallbackServerContext* context,
                                                        const v1::ListTellsRequest* request,
                                                        v1::ListTellsResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    calls_.Note();
    desk_.List(Caller::Named(request->from()), request->all(), EnvironmentLentIn(*request),
               [reply](const absl::StatusOr<v1::ListTellsResponse>& tells) { reply.Give(tells); });
  });
}

grpc::ServerUnaryReactor* CoordinatorService::CancelTell(grpc::CallbackServerContext* context,
                                                         const v1::CancelTellOfRequest* request,
                                                         v1::CancelTellOfResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    if (BeginCall(reply)) desk_.Cancel(request->tell_id(), VisitorIn(*request), EndCall(reply));
  });
}

grpc::ServerUnaryReactor* CoordinatorService::AnswerPermission(
    grpc::CallbackServerContext* context, const v1::AnswerPermissionRequest* request,
    v1::AnswerPermissionResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    if (BeginCall(reply)) desk_.AnswerPermission(*request, EndCall(reply));
  });
}

// Whoever looks or stops may do so however many others wait.
grpc::ServerUnaryReactor* CoordinatorService::GetStatus(grpc::CallbackServerContext* context,
                                                        const v1::GetStatusRequest*,
                                                        v1::GetStatusResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this](auto reply) {
    calls_.Begin().IgnoreError();
    desk_.Status(EndCall(reply));
  });
}

grpc::ServerUnaryReactor* CoordinatorService::ListTeams(grpc::CallbackServerContext* context,
                                                        const v1::ListTeamsRequest* request,
                                                        v1::ListTeamsResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    calls_.Note();
    reply.Give(desk_.Teams({.environment = EnvironmentLentIn(*request),
                            .claude_session = request->claude_session_id()}));
  });
}

grpc::ServerBidiReactor<v1::McpClientMessage, v1::McpServerMessage>* CoordinatorService::Mcp(
    grpc::CallbackServerContext*) {
  return McpCall::Serve<McpCall>(parts_);
}

void CoordinatorService::EndMcp(const absl::Status& why) {
  for (McpCall* call : mcp_calls_) call->Leave(why);
}

grpc::ServerUnaryReactor* CoordinatorService::Wake(grpc::CallbackServerContext* context,
                                                   const v1::WakeRequest* request,
                                                   v1::WakeResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    if (!BeginCall(reply)) return;
    desk_.Wake({.caller = Caller::Named(request->from()), .environment = EnvironmentIn(*request)},
               request->to(), request->takeover(), EndCall(reply));
  });
}

grpc::ServerUnaryReactor* CoordinatorService::Sleep(grpc::CallbackServerContext* context,
                                                    const v1::SleepRequest* request,
                                                    v1::SleepResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    if (!BeginCall(reply)) return;
    desk_.Sleep(VisitorIn(*request), request->to(), request->force(), EndCall(reply));
  });
}

grpc::ServerUnaryReactor* CoordinatorService::Stop(grpc::CallbackServerContext* context,
                                                   const v1::StopRequest* request,
                                                   v1::StopResponse* response) {
  return ReplyOnLoop(loop_, context, response, [this, request](auto reply) {
    calls_.Begin().IgnoreError();
    desk_.Stop({.agents = request->agents(),
                .force = request->force(),
                .environment = EnvironmentLentIn(*request)},
               EndCall(reply));
  });
}

}  // namespace iris
