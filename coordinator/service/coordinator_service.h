#ifndef IRIS_COORDINATOR_SERVICE_COORDINATOR_SERVICE_H_
#define IRIS_COORDINATOR_SERVICE_COORDINATOR_SERVICE_H_

#include <cstddef>
#include <cstdint>
#include <set>

#include "absl/status/status.h"
#include "common/budget/byte_budget.h"
#include "common/loop/event_loop.h"
#include "common/rpc/server_reply.h"
#include "coordinator/desk/desk.h"
#include "coordinator/service/open_calls.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

class McpCall;

// What the calls of front ends stand on. All of it lives on `loop`.
struct ServiceParts {
  EventLoop& loop;
  Desk& desk;
  ByteBudget& budget;  // Of what front ends send, and have not read.
  OpenCalls& calls;
  std::set<McpCall*>& mcp_calls;  // Those that are open.
};

// The gRPC face of the desk: every call hops to the loop, asks the desk and answers from there.
// gRPC calls it from its own threads; the counters are for the loop.
//
// The loop must run until grpc::Server::Shutdown() has returned, and the desk must stay until the
// loop has run what was posted before that.
class CoordinatorService final : public v1::Coordinator::CallbackService {
 public:
  // All outlive the service and live on `loop`.
  CoordinatorService(EventLoop& loop, Desk& desk, ByteBudget& budget)
      : loop_(loop),
        desk_(desk),
        parts_{.loop = loop,
               .desk = desk,
               .budget = budget,
               .calls = calls_,
               .mcp_calls = mcp_calls_} {}

  // The daemon leaves: MCP clients' requests that wait are answered with `why`, and their streams
  // end with it. Other calls end as the orchestrator settles what they follow.
  void EndMcp(const absl::Status& why);

  // Tells that are followed, MCP clients, and cancels, wakes, sleeps and stops that are under way.
  size_t open_calls() const { return calls_.open(); }
  // Calls since the start.
  uint64_t calls_begun() const { return calls_.begun(); }

 private:
  grpc::ServerBidiReactor<v1::TellRequest, v1::TellUpdate>* Tell(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<v1::TellUpdate>* FollowTell(
      grpc::CallbackServerContext* context, const v1::FollowTellRequest* request) override;
  grpc::ServerUnaryReactor* MarkFetched(grpc::CallbackServerContext* context,
                                        const v1::MarkFetchedRequest* request,
                                        v1::MarkFetchedResponse* response) override;
  grpc::ServerUnaryReactor* ListTells(grpc::CallbackServerContext* context,
                                      const v1::ListTellsRequest* request,
                                      v1::ListTellsResponse* response) override;
  grpc::ServerUnaryReactor* CancelTell(grpc::CallbackServerContext* context,
                                       const v1::CancelTellOfRequest* request,
                                       v1::CancelTellOfResponse* response) override;
  grpc::ServerUnaryReactor* AnswerPermission(grpc::CallbackServerContext* context,
                                             const v1::AnswerPermissionRequest* request,
                                             v1::AnswerPermissionResponse* response) override;
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) override;
  grpc::ServerUnaryReactor* ListTeams(grpc::CallbackServerContext* context,
                                      const v1::ListTeamsRequest* request,
                                      v1::ListTeamsResponse* response) override;
  grpc::ServerBidiReactor<v1::McpClientMessage, v1::McpServerMessage>* Mcp(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Wake(grpc::CallbackServerContext* context,
                                 const v1::WakeRequest* request,
                                 v1::WakeResponse* response) override;
  grpc::ServerUnaryReactor* Sleep(grpc::CallbackServerContext* context,
                                  const v1::SleepRequest* request,
                                  v1::SleepResponse* response) override;
  grpc::ServerUnaryReactor* Stop(grpc::CallbackServerContext* context,
                                 const v1::StopRequest* request,
                                 v1::StopResponse* response) override;

  // False, and the call is answered: too many are open. Else what EndCall() returns is called once,
  // with the outcome.
  template <typename Response>
  bool BeginCall(const ServerReply<Response>& reply);
  template <typename Response>
  auto EndCall(ServerReply<Response> reply);

  EventLoop& loop_;
  Desk& desk_;
  OpenCalls calls_;
  std::set<McpCall*> mcp_calls_;
  const ServiceParts parts_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_COORDINATOR_SERVICE_H_
