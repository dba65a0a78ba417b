#include "tests/simulation/server.h"

#include <cstdlib>
#include <deque>
#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "agent/service/served_stream.h"

namespace iris::simulation {
namespace {

// One unary call.
template <typename Request, typename Response>
class ServerUnary final : public ServerChannel::Call,
                          public std::enable_shared_from_this<ServerUnary<Request, Response>> {
 public:
  using Method = void (AgentService::*)(const Request&, AgentService::Reply<Response>);

  ServerUnary(ServerChannel& channel, uint32_t id, Method method)
      : channel_(channel.shared_from_this()), id_(id), method_(method) {}

  void OnMessage(absl::string_view body) override {
    request_.ParseFromArray(body.data(), static_cast<int>(body.size()));
    channel_->loop().Post([self = this->shared_from_this()] {
      (self->channel_->service().*self->method_)(
          self->request_, [self](absl::StatusOr<Response> outcome) { self->Finish(outcome); });
    });
  }
  // It goes on all the same, as with gRPC; its answer gets nowhere.
  void OnCancel() override {}
  void Abandon() override {}

 private:
  void Finish(const absl::StatusOr<Response>& outcome) {
    if (std::exchange(finished_, true)) return;
    // From inside the service: it may still be at work on this call.
    channel_->world().Soon([self = this->shared_from_this(), outcome] {
      if (outcome.ok()) self->channel_->SendMessage(self->id_, outcome->SerializeAsString());
      self->channel_->SendFinish(self->id_, outcome.status());
      self->channel_->Forget(self->id_);
    });
  }

  const std::shared_ptr<ServerChannel> channel_;
  const uint32_t id_;
  const Method method_;
  Request request_;
  bool finished_ = false;
};

// One stream: a frame is asked for before it comes, one is being sent at a time, and the handler
// goes last, once the stream has ended and nothing is on its way.
template <typename Came, typename Sent>
class ServerStream final : public ServerChannel::Call,
                           public ServedStream<Came, Sent>,
                           public std::enable_shared_from_this<ServerStream<Came, Sent>> {
 public:
  using Handler = typename ServedStream<Came, Sent>::Handler;
  using MakeHandler = std::unique_ptr<Handler> (AgentService::*)(ServedStream<Came, Sent>&);

  ServerStream(ServerChannel& channel, uint32_t id)
      : channel_(channel.shared_from_this()), id_(id) {}

  void Begin(MakeHandler make_handler) {
    channel_->loop().Post([self = this->shared_from_this(), make_handler] {
      self->handler_ = (self->channel_->service().*make_handler)(*self);
      self->handler_->OnBegin();
    });
  }

  void Read() override {
    if (ended_ || no_more_) return;
    if (std::exchange(reading_, true)) abort();
    is_asked_ = true;
    Later();
  }
  void Send(Sent frame) override {
    if (ended_) return;
    if (std::exchange(sending_, true)) abort();
    if (!cancelled_) channel_->SendMessage(id_, frame.SerializeAsString());
    is_sent_ = true;
    Later();
  }
  bool may_send() const override { return !sending_ && !ended_; }
  void End(const absl::Status& status) override {
    if (std::exchange(ended_, true)) return;
    channel_->SendFinish(id_, status);
    Later();
  }
  bool ended() const override { return ended_; }

  void OnMessage(absl::string_view body) override {
    Came frame;
    frame.ParseFromArray(body.data(), static_cast<int>(body.size()));
    came_.push_back(std::move(frame));
    Later();
  }
  void OnCancel() override {
    cancelled_ = true;
    Later();
  }
  void Abandon() override { LetGo(); }

 private:
  void Later() {
    if (let_go_ || std::exchange(posted_, true)) return;
    channel_->world().Soon([self = this->shared_from_this()] {
      self->posted_ = false;
      self->React();
    });
  }
  // Posts what the handler is to hear of by now.
  void React() {
    if (let_go_) return;
    const bool over = ended_ || cancelled_;
    if (std::exchange(is_sent_, false)) {
      channel_->loop().Post([self = this->shared_from_this(), ok = !over] { self->OnSent(ok); });
    }
    if (is_asked_ && (!came_.empty() || over)) {
      is_asked_ = false;
      const bool ok = !came_.empty();
      if (ok) frame_ = std::move(came_.front());
      if (ok) came_.pop_front();
      channel_->loop().Post([self = this->shared_from_this(), ok] { self->OnRead(ok); });
    }
    if (!ended_ || is_asked_ || is_sent_) return;
    channel_->Forget(id_);
    LetGo();
  }
  void OnSent(bool ok) {
    sending_ = false;
    if (!ended_) handler_->OnSent(ok);
  }
  void OnRead(bool ok) {
    reading_ = false;
    no_more_ = !ok;
    if (ended_) return;
    ok ? handler_->OnFrame(frame_) : handler_->OnNoMore();
  }
  // After all that was posted before.
  void LetGo() {
    if (std::exchange(let_go_, true)) return;
    channel_->loop().Post([self = this->shared_from_this()] { self->handler_.reset(); });
  }

  const std::shared_ptr<ServerChannel> channel_;
  const uint32_t id_;
  std::unique_ptr<Handler> handler_;
  std::deque<Came> came_;
  Came frame_;             // That was handed on last.
  bool reading_ = false;   // Until the handler has heard of it.
  bool is_asked_ = false;  // A frame is to be handed on.
  bool sending_ = false;   // Until the handler has heard of it.
  bool is_sent_ = false;   // It is to hear of it.
  bool no_more_ = false;
  bool ended_ = false;
  bool cancelled_ = false;
  bool let_go_ = false;  // The handler is gone, or about to go.
  bool posted_ = false;
};

template <typename Request, typename Response>
std::shared_ptr<ServerChannel::Call> Unary(
    ServerChannel& channel, uint32_t id,
    void (AgentService::*method)(const Request&, AgentService::Reply<Response>)) {
  return std::make_shared<ServerUnary<Request, Response>>(channel, id, method);
}

template <typename Came, typename Sent>
std::shared_ptr<ServerChannel::Call> Stream(
    ServerChannel& channel, uint32_t id,
    std::unique_ptr<typename ServedStream<Came, Sent>::Handler> (AgentService::*make_handler)(
        ServedStream<Came, Sent>&)) {
  auto stream = std::make_shared<ServerStream<Came, Sent>>(channel, id);
  stream->Begin(make_handler);
  return stream;
}

}  // namespace

std::shared_ptr<ServerChannel> ServerChannel::Make(World& world, std::shared_ptr<Wire> wire,
                                                   EventLoop& loop, AgentService& service) {
  std::shared_ptr<ServerChannel> channel(new ServerChannel(world, std::move(wire), loop, service));
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
  switch (method) {
    case Method::kAcquire:
      return Unary(*this, id, &AgentService::Acquire);
    case Method::kOpen:
      return Unary(*this, id, &AgentService::Open);
    case Method::kCancelTell:
      return Unary(*this, id, &AgentService::CancelTell);
    case Method::kClose:
      return Unary(*this, id, &AgentService::Close);
    case Method::kAnswerRequest:
      return Unary(*this, id, &AgentService::AnswerRequest);
    case Method::kAttach:
      return Stream<v1::AttachRequest, v1::AttachResponse>(*this, id, &AgentService::Attach);
    case Method::kProbe:
      return Stream<v1::ProbeRequest, v1::ProbeResponse>(*this, id, &AgentService::Probe);
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

void ServerChannel::SendFinish(uint32_t id, const absl::Status& status) {
  if (gone_) return;
  wire_->Send(Wire::kAgent, {.call = id, .kind = Frame::kFinish, .body = EncodeStatus(status)});
}

void ServerChannel::Abandon() {
  gone_ = true;
  wire_->SetEnd(Wire::kAgent, nullptr);
  for (auto& [id, call] : calls_) call->Abandon();
}

}  // namespace iris::simulation
