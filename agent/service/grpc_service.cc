// All that the agent's service knows of gRPC.

#include "agent/service/grpc_service.h"

#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "common/rpc/server_reply.h"
#include "common/rpc/server_stream.h"

namespace iris {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// One stream, with its handler. Owns itself until gRPC is done with it.
template <typename Came, typename Sent>
class GrpcServedStream final : public ServerStream<Came, Sent>, private ServedStream<Came, Sent> {
  using Grpc = ServerStream<Came, Sent>;
  using Handler = typename ServedStream<Came, Sent>::Handler;

 public:
  // Called on the loop.
  using MakeHandler = std::function<std::unique_ptr<Handler>(ServedStream<Came, Sent>&)>;

  GrpcServedStream(EventLoop& loop, MakeHandler make_handler)
      : Grpc(loop), make_handler_(std::move(make_handler)) {}

 private:
  void OnBegin() override {
    handler_ = make_handler_(*this);
    handler_->OnBegin();
  }
  void OnRead(Came& frame) override { handler_->OnFrame(frame); }
  void OnNoMore() override { handler_->OnNoMore(); }
  void OnWritten(bool ok) override { handler_->OnSent(ok); }

  void Read() override { Grpc::Read(); }
  void Send(Sent frame) override { Grpc::Write(std::move(frame)); }
  bool may_send() const override { return !Grpc::writing() && !Grpc::finished(); }
  void End(const absl::Status& status) override { Grpc::Finish(status); }
  bool ended() const override { return Grpc::finished(); }

  const MakeHandler make_handler_;
  std::unique_ptr<Handler> handler_;
};

class GrpcService final : public v1::Agent::CallbackService {
 public:
  GrpcService(EventLoop& loop, AgentService& service) : loop_(loop), service_(service) {}

 private:
  ServerUnaryReactor* Acquire(CallbackServerContext* context, const v1::AcquireRequest* request,
                              v1::AcquireResponse* response) override {
    return Answer(&AgentService::Acquire, context, request, response);
  }
  ServerUnaryReactor* Open(CallbackServerContext* context, const v1::OpenRequest* request,
                           v1::OpenResponse* response) override {
    return Answer(&AgentService::Open, context, request, response);
  }
  ServerUnaryReactor* CancelTell(CallbackServerContext* context,
                                 const v1::CancelTellRequest* request,
                                 v1::CancelTellResponse* response) override {
    return Answer(&AgentService::CancelTell, context, request, response);
  }
  ServerUnaryReactor* AnswerRequest(CallbackServerContext* context,
                                    const v1::AnswerRequestRequest* request,
                                    v1::AnswerRequestResponse* response) override {
    return Answer(&AgentService::AnswerRequest, context, request, response);
  }
  ServerUnaryReactor* Close(CallbackServerContext* context, const v1::CloseRequest* request,
                            v1::CloseResponse* response) override {
    return Answer(&AgentService::Close, context, request, response);
  }
  ServerUnaryReactor* List(CallbackServerContext* context, const v1::ListRequest* request,
                           v1::ListResponse* response) override {
    return Answer(&AgentService::List, context, request, response);
  }
  ServerUnaryReactor* GetHost(CallbackServerContext* context, const v1::GetHostRequest* request,
                              v1::GetHostResponse* response) override {
    return Answer(&AgentService::GetHost, context, request, response);
  }
  ServerUnaryReactor* Shutdown(CallbackServerContext* context, const v1::ShutdownRequest* request,
                               v1::ShutdownResponse* response) override {
    return Answer(&AgentService::Shutdown, context, request, response);
  }
  ServerUnaryReactor* Upgrade(CallbackServerContext* context, const v1::UpgradeRequest* request,
                              v1::UpgradeResponse* response) override {
    return Answer(&AgentService::Upgrade, context, request, response);
  }

  grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>* Attach(
      CallbackServerContext*) override {
    using Stream = GrpcServedStream<v1::AttachRequest, v1::AttachResponse>;
    return Stream::template Serve<Stream>(
        loop_, [this](AgentService::AttachServed& stream) { return service_.Attach(stream); });
  }
  grpc::ServerBidiReactor<v1::ProbeRequest, v1::ProbeResponse>* Probe(
      CallbackServerContext*) override {
    using Stream = GrpcServedStream<v1::ProbeRequest, v1::ProbeResponse>;
    return Stream::template Serve<Stream>(
        loop_, [this](AgentService::ProbeServed& stream) { return service_.Probe(stream); });
  }

  template <typename Request, typename Response>
  ServerUnaryReactor* Answer(void (AgentService::*method)(const Request&,
                                                          AgentService::Reply<Response>),
                             CallbackServerContext* context, const Request* request,
                             Response* response) {
    return ReplyOnLoop(loop_, context, response,
                       [this, method, request](ServerReply<Response> reply) {
                         (service_.*method)(*request, [reply](absl::StatusOr<Response> outcome) {
                           reply.Give(std::move(outcome));
                         });
                       });
  }

  EventLoop& loop_;
  AgentService& service_;
};

}  // namespace

std::unique_ptr<v1::Agent::CallbackService> MakeGrpcService(EventLoop& loop,
                                                            AgentService& service) {
  return std::make_unique<GrpcService>(loop, service);
}

}  // namespace iris
