#include "tests/simulation/client.h"

#include <cstdlib>
#include <utility>
#include <vector>

#include "tests/simulation/client_calls.h"

// gRPC's own door for tests (client_context.h names it a friend).
namespace grpc::testing {
class InteropClientContextInspector {
 public:
  static bool WasCancelled(const grpc::ClientContext& context) { return context.call_canceled_; }
};
}  // namespace grpc::testing

namespace iris::simulation {
namespace {

using grpc::ClientContext;
using grpc::CompletionQueue;

// The generated interface with what the coordinator uses of it; the rest ends the program.
//
// Of a unary method: the blocking call and the ones over a completion queue.
#define UNUSED_UNARY(Name)                                                                    \
  grpc::Status Name(ClientContext*, const v1::Name##Request&, v1::Name##Response*) override { \
    abort();                                                                                  \
  }                                                                                           \
  grpc::ClientAsyncResponseReaderInterface<v1::Name##Response>* Async##Name##Raw(             \
      ClientContext*, const v1::Name##Request&, CompletionQueue*) override {                  \
    abort();                                                                                  \
  }                                                                                           \
  grpc::ClientAsyncResponseReaderInterface<v1::Name##Response>* PrepareAsync##Name##Raw(      \
      ClientContext*, const v1::Name##Request&, CompletionQueue*) override {                  \
    abort();                                                                                  \
  }
#define UNUSED_STREAM(Name, Request, Response)                                               \
  grpc::ClientReaderWriterInterface<Request, Response>* Name##Raw(ClientContext*) override { \
    abort();                                                                                 \
  }                                                                                          \
  grpc::ClientAsyncReaderWriterInterface<Request, Response>* Async##Name##Raw(               \
      ClientContext*, CompletionQueue*, void*) override {                                    \
    abort();                                                                                 \
  }                                                                                          \
  grpc::ClientAsyncReaderWriterInterface<Request, Response>* PrepareAsync##Name##Raw(        \
      ClientContext*, CompletionQueue*) override {                                           \
    abort();                                                                                 \
  }
// Of the callback interface: one that is carried, and one that is not.
#define CARRIED(Name)                                                                        \
  void Name(ClientContext* context, const v1::Name##Request* request,                        \
            v1::Name##Response* response, std::function<void(grpc::Status)> done) override { \
    ClientUnary<v1::Name##Response>::Start(*channel_, Method::k##Name, context, *request,    \
                                           response, std::move(done));                       \
  }                                                                                          \
  void Name(ClientContext*, const v1::Name##Request*, v1::Name##Response*,                   \
            grpc::ClientUnaryReactor*) override {                                            \
    abort();                                                                                 \
  }
#define NOT_CARRIED(Name)                                                  \
  void Name(ClientContext*, const v1::Name##Request*, v1::Name##Response*, \
            std::function<void(grpc::Status)>) override {                  \
    abort();                                                               \
  }                                                                        \
  void Name(ClientContext*, const v1::Name##Request*, v1::Name##Response*, \
            grpc::ClientUnaryReactor*) override {                          \
    abort();                                                               \
  }

class Stub final : public v1::Agent::StubInterface,
                   private v1::Agent::StubInterface::async_interface {
 public:
  explicit Stub(std::shared_ptr<ClientChannel> channel) : channel_(std::move(channel)) {}

  v1::Agent::StubInterface::async_interface* async() override { return this; }

 private:
  UNUSED_UNARY(Acquire)
  UNUSED_UNARY(Open)
  UNUSED_UNARY(CancelTell)
  UNUSED_UNARY(AnswerRequest)
  UNUSED_UNARY(Close)
  UNUSED_UNARY(List)
  UNUSED_UNARY(GetHost)
  UNUSED_UNARY(Shutdown)
  UNUSED_UNARY(Upgrade)
  UNUSED_STREAM(Attach, v1::AttachRequest, v1::AttachResponse)
  UNUSED_STREAM(Probe, v1::ProbeRequest, v1::ProbeResponse)
  UNUSED_STREAM(ReverseMcp, v1::McpFrame, v1::McpFrame)

  CARRIED(Acquire)
  CARRIED(Open)
  CARRIED(CancelTell)
  CARRIED(Close)
  CARRIED(AnswerRequest)
  NOT_CARRIED(List)
  NOT_CARRIED(GetHost)
  NOT_CARRIED(Shutdown)
  NOT_CARRIED(Upgrade)
  void Attach(ClientContext* context,
              grpc::ClientBidiReactor<v1::AttachRequest, v1::AttachResponse>* reactor) override {
    ClientStream<v1::AttachRequest, v1::AttachResponse>::Start(*channel_, Method::kAttach, context,
                                                               reactor, channel_->taps().on_request,
                                                               channel_->taps().on_response);
  }
  void Probe(ClientContext* context,
             grpc::ClientBidiReactor<v1::ProbeRequest, v1::ProbeResponse>* reactor) override {
    ClientStream<v1::ProbeRequest, v1::ProbeResponse>::Start(*channel_, Method::kProbe, context,
                                                             reactor);
  }
  void ReverseMcp(ClientContext*, grpc::ClientBidiReactor<v1::McpFrame, v1::McpFrame>*) override {
    abort();
  }

  const std::shared_ptr<ClientChannel> channel_;
};

#undef UNUSED_UNARY
#undef UNUSED_STREAM
#undef CARRIED
#undef NOT_CARRIED

}  // namespace

bool WasCancelled(const grpc::ClientContext& context) {
  return grpc::testing::InteropClientContextInspector::WasCancelled(context);
}

std::shared_ptr<ClientChannel> ClientChannel::Make(World& world, std::shared_ptr<Wire> wire,
                                                   ClientTaps taps) {
  std::shared_ptr<ClientChannel> channel(
      new ClientChannel(world, std::move(wire), std::move(taps)));
  channel->wire_->SetEnd(Wire::kCoordinator, channel.get());
  return channel;
}

ClientChannel::~ClientChannel() { wire_->SetEnd(Wire::kCoordinator, nullptr); }

std::unique_ptr<v1::Agent::StubInterface> ClientChannel::MakeStub() {
  return std::make_unique<Stub>(shared_from_this());
}

uint32_t ClientChannel::Begin(Method method, std::shared_ptr<Call> call) {
  const uint32_t id = next_call_++;
  calls_[id] = std::move(call);
  if (lost_) {
    world_.Soon([self = shared_from_this(), id] { self->Finish(id, LostWire()); });
    return id;
  }
  wire_->Send(Wire::kCoordinator,
              {.call = id, .kind = Frame::kStart, .method = static_cast<uint8_t>(method)});
  return id;
}

void ClientChannel::SendMessage(uint32_t id, const std::string& body) {
  if (!lost_) wire_->Send(Wire::kCoordinator, {.call = id, .kind = Frame::kMessage, .body = body});
}

void ClientChannel::OnFrame(const Frame& frame) {
  const auto found = calls_.find(frame.call);
  if (found == calls_.end()) return;
  const std::shared_ptr<Call> call = found->second;
  if (frame.kind == Frame::kMessage) return call->OnMessage(frame.body);
  if (frame.kind == Frame::kFinish) Finish(frame.call, DecodeStatus(frame.body));
}

void ClientChannel::Finish(uint32_t id, const grpc::Status& status) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const std::shared_ptr<Call> call = found->second;
  call->OnFinish(status);
  if (call->over()) calls_.erase(id);
}

void ClientChannel::OnLost() {
  lost_ = true;
  const std::map<uint32_t, std::shared_ptr<Call>> calls = calls_;
  for (const auto& [id, call] : calls) Finish(id, LostWire());
}

bool ClientChannel::LookForCancelled() {
  std::vector<uint32_t> found;
  for (const auto& [id, call] : calls_) {
    if (call->cancelled()) found.push_back(id);
  }
  for (const uint32_t id : found) {
    if (!lost_) wire_->Send(Wire::kCoordinator, {.call = id, .kind = Frame::kCancel});
    Finish(id, grpc::Status(grpc::StatusCode::CANCELLED, ""));
  }
  return !found.empty();
}

void ClientChannel::Abandon() {
  lost_ = true;
  for (auto& [id, call] : std::exchange(calls_, {})) call->Abandon();
  wire_->SetEnd(Wire::kCoordinator, nullptr);
}

}  // namespace iris::simulation
