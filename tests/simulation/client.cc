#include "tests/simulation/client.h"

#include <cstdlib>
#include <utility>

#include "common/failure/failure.h"
#include "tests/simulation/client_calls.h"

namespace iris::simulation {
namespace {

// What a coordinator asks of an agent in a schedule; the rest ends the program.
class WireChannel final : public AgentChannel {
 public:
  WireChannel(std::shared_ptr<ClientChannel> channel, EventLoop& loop)
      : channel_(std::move(channel)), loop_(loop) {}

  Call Acquire(const v1::AcquireRequest& request, absl::Duration within,
               Done<v1::AcquireResponse> done) override {
    return Ask(Method::kAcquire, request, within, std::move(done));
  }
  Call Open(const v1::OpenRequest& request, absl::Duration within,
            Done<v1::OpenResponse> done) override {
    return Ask(Method::kOpen, request, within, std::move(done));
  }
  Call CancelTell(const v1::CancelTellRequest& request, absl::Duration within,
                  Done<v1::CancelTellResponse> done) override {
    return Ask(Method::kCancelTell, request, within, std::move(done));
  }
  Call Close(const v1::CloseRequest& request, absl::Duration within,
             Done<v1::CloseResponse> done) override {
    return Ask(Method::kClose, request, within, std::move(done));
  }
  Call AnswerRequest(const v1::AnswerRequestRequest& request, absl::Duration within,
                     Done<v1::AnswerRequestResponse> done) override {
    return Ask(Method::kAnswerRequest, request, within, std::move(done));
  }
  Call List(const v1::ListRequest&, absl::Duration, Done<v1::ListResponse>) override { abort(); }
  Call GetHost(const v1::GetHostRequest&, absl::Duration, Done<v1::GetHostResponse>) override {
    abort();
  }
  Call Shutdown(const v1::ShutdownRequest&, absl::Duration, Done<v1::ShutdownResponse>) override {
    abort();
  }

  std::shared_ptr<AttachFrames> Attach(std::shared_ptr<AttachFrames::Sink> sink) override {
    return std::make_shared<ClientStream<v1::AttachRequest, v1::AttachResponse>>(
        *channel_, Method::kAttach, std::move(sink), channel_->taps().on_request,
        channel_->taps().on_response);
  }
  std::shared_ptr<ProbeFrames> Probe(std::shared_ptr<ProbeFrames::Sink> sink) override {
    return std::make_shared<ClientStream<v1::ProbeRequest, v1::ProbeResponse>>(
        *channel_, Method::kProbe, std::move(sink));
  }

 private:
  template <typename Request, typename Response>
  Call Ask(Method method, const Request& request, absl::Duration within, Done<Response> done) {
    return ClientUnary<Response>::Start(*channel_, loop_, method, request, within, std::move(done));
  }

  const std::shared_ptr<ClientChannel> channel_;
  EventLoop& loop_;
};

}  // namespace

std::shared_ptr<ClientChannel> ClientChannel::Make(World& world, std::shared_ptr<Wire> wire,
                                                   ClientTaps taps) {
  std::shared_ptr<ClientChannel> channel(
      new ClientChannel(world, std::move(wire), std::move(taps)));
  channel->wire_->SetEnd(Wire::kCoordinator, channel.get());
  return channel;
}

ClientChannel::~ClientChannel() { wire_->SetEnd(Wire::kCoordinator, nullptr); }

std::unique_ptr<AgentChannel> ClientChannel::Open(EventLoop& loop) {
  return std::make_unique<WireChannel>(shared_from_this(), loop);
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

void ClientChannel::Finish(uint32_t id, const absl::Status& status) {
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

void ClientChannel::CancelSoon(uint32_t id) {
  world_.Soon([self = shared_from_this(), id] { self->Cancel(id); });
}

void ClientChannel::Cancel(uint32_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second->finished()) return;
  if (!lost_) wire_->Send(Wire::kCoordinator, {.call = id, .kind = Frame::kCancel});
  Finish(id, MakeFailure(v1::FAILURE_CANCELLED, CauseFor(v1::FAILURE_CANCELLED)));
}

void ClientChannel::Abandon() {
  lost_ = true;
  for (auto& [id, call] : std::exchange(calls_, {})) call->Abandon();
  wire_->SetEnd(Wire::kCoordinator, nullptr);
}

}  // namespace iris::simulation
