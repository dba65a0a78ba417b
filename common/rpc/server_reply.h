#ifndef IRIS_COMMON_RPC_SERVER_REPLY_H_
#define IRIS_COMMON_RPC_SERVER_REPLY_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/rpc/grpc_failure.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

namespace iris {

// The answer to one unary call, given once, whoever holds a copy of this: gRPC frees the call and
// its messages with the first, and the others change nothing. A call whose last copy goes without
// an answer ends as FAILURE_DROPPED. Copies may go to other threads; Give() is for one.
template <typename Response>
class ServerReply {
 public:
  ServerReply(grpc::CallbackServerContext* context, Response* response)
      : call_(std::make_shared<Call>(context->DefaultReactor(), response)) {}

  // Before Give().
  grpc::ServerUnaryReactor* reactor() const { return call_->reactor; }

  void Give(absl::StatusOr<Response> outcome) const { call_->Give(std::move(outcome)); }

 private:
  struct Call {
    Call(grpc::ServerUnaryReactor* reactor, Response* response)
        : reactor(reactor), response(response) {}
    ~Call() { Give(MakeFailure(v1::FAILURE_DROPPED, "the daemon is leaving")); }

    void Give(absl::StatusOr<Response> outcome) {
      if (std::exchange(given, true)) return;
      if (outcome.ok()) *response = *std::move(outcome);
      // Of an OK only the value went.
      reactor->Finish(ToGrpcStatus(outcome.status()));  // NOLINT(bugprone-use-after-move)
    }

    grpc::ServerUnaryReactor* const reactor;
    Response* const response;
    bool given = false;
  };

  std::shared_ptr<Call> call_;
};

// Answers a unary call on `loop`: `answer` is called there with the ServerReply. For gRPC's method
// to return.
template <typename Response, typename Answer>
grpc::ServerUnaryReactor* ReplyOnLoop(EventLoop& loop, grpc::CallbackServerContext* context,
                                      Response* response, Answer answer) {
  ServerReply<Response> reply(context, response);
  grpc::ServerUnaryReactor* const reactor = reply.reactor();
  loop.Post([reply = std::move(reply), answer = std::move(answer)]() mutable {
    answer(std::move(reply));
  });
  return reactor;
}

}  // namespace iris

#endif  // IRIS_COMMON_RPC_SERVER_REPLY_H_
