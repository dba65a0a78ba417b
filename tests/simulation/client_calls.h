#ifndef IRIS_TESTS_SIMULATION_CLIENT_CALLS_H_
#define IRIS_TESTS_SIMULATION_CLIENT_CALLS_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/rpc/frame_stream.h"
#include "coordinator/link/agent_channel.h"
#include "tests/simulation/client.h"

namespace iris::simulation {

// One unary call over a ClientChannel.
template <typename Response>
class ClientUnary final : public ClientChannel::Call,
                          public AgentCall,
                          public std::enable_shared_from_this<ClientUnary<Response>> {
 public:
  using Done = AgentChannel::Done<Response>;

  ClientUnary(ClientChannel& channel, EventLoop& loop, Done done)
      : channel_(channel.weak_from_this()), loop_(loop), done_(std::move(done)) {}

  template <typename Request>
  static AgentChannel::Call Start(ClientChannel& channel, EventLoop& loop, Method method,
                                  const Request& request, absl::Duration within, Done done) {
    auto call = std::make_shared<ClientUnary>(channel, loop, std::move(done));
    call->id_ = channel.Begin(method, call);
    channel.SendMessage(call->id_, request.SerializeAsString());
    channel.world().After(within, [call = std::weak_ptr<ClientUnary>(call)] {
      if (const std::shared_ptr<ClientUnary> still = call.lock()) {
        still->OnFinish(MakeFailure(v1::FAILURE_TIMEOUT, CauseFor(v1::FAILURE_TIMEOUT)));
      }
    });
    return call;
  }

  void OnMessage(absl::string_view body) override {
    if (finished_) return;  // Its deadline came first.
    response_.ParseFromArray(body.data(), static_cast<int>(body.size()));
  }
  void OnFinish(const absl::Status& status) override {
    if (std::exchange(finished_, true) || done_ == nullptr) return;
    loop_.Post([self = this->shared_from_this(), status] {
      const Done done = std::exchange(self->done_, nullptr);
      if (done == nullptr) return;
      if (!status.ok()) return done(status);
      done(std::move(self->response_));
    });
  }
  bool finished() const override { return finished_; }
  bool over() const override { return finished_; }
  void Abandon() override {
    finished_ = true;
    done_ = nullptr;
  }

  void Cancel() override {
    done_ = nullptr;
    if (finished_) return;
    if (const std::shared_ptr<ClientChannel> channel = channel_.lock()) channel->CancelSoon(id_);
  }

 private:
  const std::weak_ptr<ClientChannel> channel_;
  EventLoop& loop_;
  uint32_t id_ = 0;
  Response response_;
  Done done_;
  bool finished_ = false;
};

// One stream over a ClientChannel: what comes is handed on frame by frame, and one frame is being
// sent at a time.
template <typename Sent, typename Came>
class ClientStream final : public ClientChannel::Call,
                           public FrameStream<Sent, Came>,
                           public std::enable_shared_from_this<ClientStream<Sent, Came>> {
 public:
  using Sink = typename FrameStream<Sent, Came>::Sink;
  using OnRequest = std::function<void(const void*, Sent&)>;
  using OnResponse = std::function<void(const void*, const Came&)>;

  ClientStream(ClientChannel& channel, Method method, std::shared_ptr<Sink> sink,
               OnRequest on_request = {}, OnResponse on_response = {})
      : channel_(channel.shared_from_this()),
        method_(method),
        sink_(std::move(sink)),
        on_request_(std::move(on_request)),
        on_response_(std::move(on_response)) {}

  void Start(Sent first) override {
    id_ = channel_->Begin(method_, this->shared_from_this());
    Send(std::move(first));
  }
  void Send(Sent frame) override {
    if (sink_ == nullptr || status_.has_value()) return;
    to_send_.push_back(std::move(frame));
    if (to_send_.size() == 1) SendFirst();
  }
  void Cancel() override {
    if (sink_ != nullptr && !std::exchange(cancelled_, true)) channel_->CancelSoon(id_);
  }

  void OnMessage(absl::string_view body) override {
    Came frame;
    frame.ParseFromArray(body.data(), static_cast<int>(body.size()));
    if (on_response_) on_response_(this, frame);
    came_.push_back(std::move(frame));
    Later();
  }
  void OnFinish(const absl::Status& status) override {
    if (!status_.has_value()) status_ = status;
    Later();
  }
  bool finished() const override { return status_.has_value(); }
  bool over() const override { return sink_ == nullptr; }
  void Abandon() override {
    if (const std::shared_ptr<Sink> sink = std::exchange(sink_, nullptr)) {
      sink->OnEnded(LostWire());
    }
  }

 private:
  void SendFirst() {
    Sent sent = to_send_.front();
    if (on_request_) on_request_(this, sent);
    channel_->SendMessage(id_, sent.SerializeAsString());
    sending_ = true;
    Later();
  }

  void Later() {
    if (std::exchange(posted_, true)) return;
    channel_->world().Soon([self = this->shared_from_this()] {
      self->posted_ = false;
      self->React();
    });
  }
  // Tells the sink what has come by now.
  void React() {
    if (sink_ == nullptr) return;
    if (std::exchange(sending_, false) && !status_.has_value()) {
      const Sent sent = std::move(to_send_.front());
      to_send_.pop_front();
      sink_->OnSent(sent);
      if (!to_send_.empty()) SendFirst();
    }
    if (!came_.empty()) {
      Came frame = std::move(came_.front());
      came_.pop_front();
      sink_->OnFrame(frame);
      return Later();
    }
    if (!status_.has_value()) return;
    channel_->Forget(id_);
    const std::shared_ptr<Sink> sink = std::exchange(sink_, nullptr);
    sink->OnEnded(*status_);
  }

  const std::shared_ptr<ClientChannel> channel_;
  const Method method_;
  std::shared_ptr<Sink> sink_;  // Null once it has heard all.
  const OnRequest on_request_;
  const OnResponse on_response_;
  uint32_t id_ = 0;
  std::deque<Sent> to_send_;  // The first is being sent.
  std::deque<Came> came_;
  std::optional<absl::Status> status_;
  bool sending_ = false;
  bool cancelled_ = false;
  bool posted_ = false;
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_CLIENT_CALLS_H_
