#include "tests/simulation/server.h"

#include <deque>
#include <functional>
#include <utility>

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "grpcpp/test/default_reactor_test_peer.h"

namespace iris::simulation {
namespace {

// One unary call. gRPC's peer for tests stands where its own reactor would.
template <typename Request, typename Response>
class ServerUnary final : public ServerChannel::Call,
                          public std::enable_shared_from_this<ServerUnary<Request, Response>> {
 public:
  using Handler = std::function<void(grpc::CallbackServerContext*, const Request*, Response*)>;

  ServerUnary(ServerChannel& channel, uint32_t id, Handler handler)
      : channel_(channel.shared_from_this()),
        id_(id),
        handler_(std::move(handler)),
        peer_(&context_, [this](const grpc::Status& status) { OnFinish(status); }) {}

  void OnMessage(absl::string_view body) override {
    request_.ParseFromArray(body.data(), static_cast<int>(body.size()));
    handler_(&context_, &request_, &response_);
  }
  // It goes on all the same, as with gRPC; its answer gets nowhere.
  void OnCancel() override {}
  void Abandon() override {}

 private:
  void OnFinish(const grpc::Status& status) {
    // From inside the service: it may still be at work on this call.
    channel_->world().Soon([self = this->shared_from_this(), status] {
      if (status.ok()) self->channel_->SendMessage(self->id_, self->response_.SerializeAsString());
      self->channel_->SendFinish(self->id_, status);
      self->channel_->Forget(self->id_);
    });
  }

  const std::shared_ptr<ServerChannel> channel_;
  const uint32_t id_;
  const Handler handler_;
  grpc::CallbackServerContext context_;
  grpc::testing::DefaultReactorTestPeer peer_;
  Request request_;
  Response response_;
};

// One stream, with gRPC's rules for a reactor: OnDone last, after Finish() and what was pending.
template <typename Request, typename Response>
class ServerStream final : public ServerChannel::Call,
                           public grpc::ServerCallbackReaderWriter<Request, Response>,
                           public std::enable_shared_from_this<ServerStream<Request, Response>> {
 public:
  using Reactor = grpc::ServerBidiReactor<Request, Response>;

  ServerStream(ServerChannel& channel, uint32_t id)
      : channel_(channel.shared_from_this()), id_(id) {}
  void Bind(Reactor* reactor) {
    reactor_ = reactor;
    this->BindReactor(reactor);
  }

  void OnMessage(absl::string_view body) override {
    Request request;
    request.ParseFromArray(body.data(), static_cast<int>(body.size()));
    came_.push_back(std::move(request));
    Later();
  }
  void OnCancel() override {
    if (std::exchange(cancelled_, true) || reactor_ == nullptr) return;
    reactor_->OnCancel();
    Later();
  }
  void Abandon() override {
    if (Reactor* const reactor = std::exchange(reactor_, nullptr)) reactor->OnDone();
  }

 private:
  void SendInitialMetadata() override {}
  void Read(Request* request) override {
    reading_ = request;
    Later();
  }
  void Write(const Response* response, grpc::WriteOptions) override {
    if (!finished_ && !cancelled_) channel_->SendMessage(id_, response->SerializeAsString());
    writing_ = true;
    Later();
  }
  void WriteAndFinish(const Response* response, grpc::WriteOptions options,
                      grpc::Status status) override {
    Write(response, options);
    Finish(std::move(status));
  }
  void Finish(grpc::Status status) override {
    if (!std::exchange(finished_, true)) channel_->SendFinish(id_, status);
    Later();
  }
  grpc::internal::ServerReactor* reactor() override { return reactor_; }
  void CallOnDone() override {}

  void Later() {
    if (std::exchange(posted_, true)) return;
    channel_->world().Soon([self = this->shared_from_this()] {
      self->posted_ = false;
      self->React();
    });
  }
  void React() {
    if (reactor_ == nullptr) return;
    const bool over = finished_ || cancelled_;
    if (std::exchange(writing_, false)) reactor_->OnWriteDone(!over);
    if (reading_ != nullptr && (!came_.empty() || over)) {
      Request* const to = std::exchange(reading_, nullptr);
      const bool ok = !came_.empty();
      if (ok) *to = std::move(came_.front());
      if (ok) came_.pop_front();
      reactor_->OnReadDone(ok);
    }
    if (!finished_ || reading_ != nullptr || writing_) return;
    channel_->Forget(id_);
    std::exchange(reactor_, nullptr)->OnDone();
  }

  const std::shared_ptr<ServerChannel> channel_;
  const uint32_t id_;
  Reactor* reactor_ = nullptr;  // Null after OnDone.
  std::deque<Request> came_;
  Request* reading_ = nullptr;
  bool writing_ = false;
  bool finished_ = false;
  bool cancelled_ = false;
  bool posted_ = false;
};

}  // namespace

std::shared_ptr<ServerChannel> ServerChannel::Make(World& world, std::shared_ptr<Wire> wire,
                                                   v1::Agent::CallbackService& service) {
  std::shared_ptr<ServerChannel> channel(new ServerChannel(world, std::move(wire), service));
  channel->wire_->SetEnd(Wire::kAgent, channel.get());
  return channel;
}

void ServerChannel::OnFrame(const Frame& frame) {
  if (frame.kind == Frame::kStart) {
    calls_[frame.call] = Start(frame.call, static_cast<Method>(frame.method));
    return;
  }
  const auto found = calls_.find(frame.call);
  if (found == calls_.end()) return;
  const std::shared_ptr<Call> call = found->second;
  if (frame.kind == Frame::kMessage) return call->OnMessage(frame.body);
  if (frame.kind == Frame::kCancel) call->OnCancel();
}

std::shared_ptr<ServerChannel::Call> ServerChannel::Start(uint32_t id, Method method) {
  using grpc::CallbackServerContext;
  v1::Agent::CallbackService* const to = &service_;
  switch (method) {
    case Method::kAcquire:
      return std::make_shared<ServerUnary<v1::AcquireRequest, v1::AcquireResponse>>(
          *this, id, [to](CallbackServerContext* context, const auto* request, auto* response) {
            to->Acquire(context, request, response);
          });
    case Method::kOpen:
      return std::make_shared<ServerUnary<v1::OpenRequest, v1::OpenResponse>>(
          *this, id, [to](CallbackServerContext* context, const auto* request, auto* response) {
            to->Open(context, request, response);
          });
    case Method::kCancelTell:
      return std::make_shared<ServerUnary<v1::CancelTellRequest, v1::CancelTellResponse>>(
          *this, id, [to](CallbackServerContext* context, const auto* request, auto* response) {
            to->CancelTell(context, request, response);
          });
    case Method::kClose:
      return std::make_shared<ServerUnary<v1::CloseRequest, v1::CloseResponse>>(
          *this, id, [to](CallbackServerContext* context, const auto* request, auto* response) {
            to->Close(context, request, response);
          });
    case Method::kAnswerRequest:
      return std::make_shared<ServerUnary<v1::AnswerRequestRequest, v1::AnswerRequestResponse>>(
          *this, id, [to](CallbackServerContext* context, const auto* request, auto* response) {
            to->AnswerRequest(context, request, response);
          });
    case Method::kAttach: {
      auto stream =
          std::make_shared<ServerStream<v1::AttachRequest, v1::AttachResponse>>(*this, id);
      stream->Bind(to->Attach(nullptr));
      return stream;
    }
    case Method::kProbe: {
      auto stream = std::make_shared<ServerStream<v1::ProbeRequest, v1::ProbeResponse>>(*this, id);
      stream->Bind(to->Probe(nullptr));
      return stream;
    }
  }
  return nullptr;
}

void ServerChannel::OnLost() {
  const std::map<uint32_t, std::shared_ptr<Call>> calls = calls_;
  for (const auto& [id, call] : calls) call->OnCancel();
}

void ServerChannel::SendMessage(uint32_t id, const std::string& body) {
  if (!gone_) wire_->Send(Wire::kAgent, {.call = id, .kind = Frame::kMessage, .body = body});
}

void ServerChannel::SendFinish(uint32_t id, const grpc::Status& status) {
  if (gone_) return;
  wire_->Send(Wire::kAgent, {.call = id, .kind = Frame::kFinish, .body = EncodeStatus(status)});
}

void ServerChannel::Abandon() {
  gone_ = true;
  wire_->SetEnd(Wire::kAgent, nullptr);
  for (auto& [id, call] : calls_) call->Abandon();
}

}  // namespace iris::simulation
