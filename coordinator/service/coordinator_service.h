#ifndef IRIS_COORDINATOR_SERVICE_COORDINATOR_SERVICE_H_
#define IRIS_COORDINATOR_SERVICE_COORDINATOR_SERVICE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "common/budget/byte_budget.h"
#include "common/environment/environment.h"
#include "common/loop/event_loop.h"
#include "common/rpc/server_reply.h"
#include "coordinator/caller/caller.h"
#include "coordinator/orchestrator/live_config.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/service/daemon_control.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

class McpCall;

// The gRPC face of the coordinator: every call hops to the loop, does its work there and answers
// from there. gRPC calls it from its own threads; the counters are for the loop.
//
// The loop must run until grpc::Server::Shutdown() has returned, and the orchestrator must stay
// until the loop has run what was posted before that.
class CoordinatorService final : public v1::Coordinator::CallbackService {
 public:
  // All outlive the service and live on `loop`.
  CoordinatorService(EventLoop& loop, Orchestrator& orchestrator, LiveConfig& config,
                     DaemonControl& daemon, ByteBudget& budget)
      : loop_(loop),
        orchestrator_(orchestrator),
        config_(config),
        daemon_(daemon),
        budget_(budget) {}

  // The daemon leaves: MCP clients' requests that wait are answered with `why`, and their streams
  // end with it. Other calls end as the orchestrator settles what they follow.
  void EndMcp(const absl::Status& why);

  // Tells that are followed, MCP clients, and cancels, wakes, sleeps and stops that are under way.
  size_t open_calls() const { return open_calls_; }
  // Calls since the start.
  uint64_t calls_begun() const { return calls_begun_; }

  static constexpr size_t kOpenCallsMax = 1024;

 private:
  friend class FollowCall;
  friend class McpCall;
  friend class TellCall;

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

  // False, and the call is answered: kOpenCallsMax are open. Else what EndCall() returns is called
  // once, with the outcome.
  template <typename Response>
  bool BeginCall(const ServerReply<Response>& reply);
  template <typename Response>
  auto EndCall(ServerReply<Response> reply);
  // `done` once, on the loop, within a second or so: hosts are asked.
  using StatusDone = std::function<void(const absl::StatusOr<v1::GetStatusResponse>&)>;
  void Status(StatusDone done);
  // Whoever looks after open messages lends its environment to those that nobody has asked for
  // since an earlier coordinator took them, and to their links. Null: nothing.
  void AskFor(const v1::ListTellsResponse& tells, const SharedEnvironment& environment);
  void AskForOne(const std::string& tell_id, const Caller& caller,
                 const SharedEnvironment& environment);
  absl::Status FillTeams(const SharedEnvironment& asker, v1::ListTeamsResponse& response);

  EventLoop& loop_;
  Orchestrator& orchestrator_;
  LiveConfig& config_;
  DaemonControl& daemon_;
  ByteBudget& budget_;
  size_t open_calls_ = 0;
  uint64_t calls_begun_ = 0;
  std::set<McpCall*> mcp_calls_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // For hosts' answers.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_COORDINATOR_SERVICE_H_
