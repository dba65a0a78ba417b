#ifndef IRIS_TESTS_SIMULATION_CLIENT_CALLS_H_
#define IRIS_TESTS_SIMULATION_CLIENT_CALLS_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/support/client_callback.h"
#include "tests/simulation/client.h"

namespace iris::simulation {

// One unary call over a ClientChannel.
template <typename Response>
class ClientUnary final : public ClientChannel::Call {
 public:
  template <typename Request>
  static void Start(ClientChannel& channel, Method method, grpc::ClientContext* context,
                    const Request& request, Response* response,
                    std::function<void(grpc::Status)> done) {
    auto call = std::make_shared<ClientUnary>();
    call->context_ = context;
    call->response_ = response;
    call->done_ = std::move(done);
    const uint32_t id = channel.Begin(method, call);
    channel.SendMessage(id, request.SerializeAsString());
    // The deadline is of the real clock, which stands still here.
    const absl::Duration left = absl::FromChrono(context->deadline()) - absl::Now();
    if (left > absl::Hours(24)) return;
    channel.world().After(
        absl::Ceil(left, absl::Seconds(1)), [call = std::weak_ptr<ClientUnary>(call)] {
          if (const std::shared_ptr<ClientUnary> still = call.lock()) {
            still->OnFinish(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, ""));
          }
        });
  }

  void OnMessage(absl::string_view body) override {
    if (done_ == nullptr) return;  // Its deadline came first.
    response_->ParseFromArray(body.data(), static_cast<int>(body.size()));
  }
  void OnFinish(const grpc::Status& status) override {
    if (done_ != nullptr) std::exchange(done_, nullptr)(status);
  }
  bool cancelled() const override { return done_ != nullptr && WasCancelled(*context_); }
  bool over() const override { return done_ == nullptr; }
  void Abandon() override { done_ = nullptr; }

 private:
  grpc::ClientContext* context_ = nullptr;
  Response* response_ = nullptr;
  std::function<void(grpc::Status)> done_;
};

// One stream over a ClientChannel, with gRPC's rules for a reactor: one read and one write at a
// time, OnDone last, when nothing is pending and no hold is left.
template <typename Request, typename Response>
class ClientStream final : public ClientChannel::Call,
                           public grpc::ClientCallbackReaderWriter<Request, Response>,
                           public std::enable_shared_from_this<ClientStream<Request, Response>> {
 public:
  using Reactor = grpc::ClientBidiReactor<Request, Response>;
  using OnRequest = std::function<void(const void*, Request&)>;
  using OnResponse = std::function<void(const void*, const Response&)>;

  static void Start(ClientChannel& channel, Method method, grpc::ClientContext* context,
                    Reactor* reactor, OnRequest on_request = {}, OnResponse on_response = {}) {
    auto call = std::make_shared<ClientStream>();
    call->channel_ = channel.shared_from_this();
    call->context_ = context;
    call->reactor_ = reactor;
    call->on_request_ = std::move(on_request);
    call->on_response_ = std::move(on_response);
    call->self_ = call;
    call->BindReactor(reactor);
    call->id_ = channel.Begin(method, call);
  }

  void OnMessage(absl::string_view body) override {
    Response response;
    response.ParseFromArray(body.data(), static_cast<int>(body.size()));
    if (on_response_) on_response_(this, response);
    came_.push_back(std::move(response));
    Later();
  }
  void OnFinish(const grpc::Status& status) override {
    if (!status_.has_value()) status_ = status;
    Later();
  }
  bool cancelled() const override {
    return reactor_ != nullptr && !status_.has_value() && WasCancelled(*context_);
  }
  bool over() const override { return reactor_ == nullptr; }
  void Abandon() override {
    Reactor* const reactor = std::exchange(reactor_, nullptr);
    const std::shared_ptr<ClientStream> self = std::move(self_);
    if (reactor != nullptr) reactor->OnDone(grpc::Status(grpc::StatusCode::CANCELLED, ""));
  }

 private:
  void StartCall() override {}
  void WritesDone() override {}
  void AddHold(int holds) override { holds_ += holds; }
  void RemoveHold() override {
    --holds_;
    Later();
  }
  void Read(Response* response) override {
    reading_ = response;
    Later();
  }
  void Write(const Request* request, grpc::WriteOptions) override {
    Request sent = *request;
    if (on_request_) on_request_(this, sent);
    if (!status_.has_value()) channel_->SendMessage(id_, sent.SerializeAsString());
    writing_ = true;
    Later();
  }

  void Later() {
    if (std::exchange(posted_, true)) return;
    channel_->world().Soon([self = this->shared_from_this()] {
      self->posted_ = false;
      self->React();
    });
  }
  // Calls the reactor back for what has come by now.
  void React() {
    if (reactor_ == nullptr) return;
    if (std::exchange(writing_, false)) reactor_->OnWriteDone(!status_.has_value());
    if (reactor_ != nullptr && reading_ != nullptr && (!came_.empty() || status_.has_value())) {
      Response* const to = std::exchange(reading_, nullptr);
      const bool ok = !came_.empty();
      if (ok) *to = std::move(came_.front());
      if (ok) came_.pop_front();
      reactor_->OnReadDone(ok);
    }
    if (reactor_ == nullptr) return;
    if (writing_ || (reading_ != nullptr && status_.has_value())) return Later();
    if (!status_.has_value() || holds_ > 0 || reading_ != nullptr) return;
    channel_->Forget(id_);
    const std::shared_ptr<ClientStream> self = std::move(self_);
    std::exchange(reactor_, nullptr)->OnDone(*status_);
  }

  std::shared_ptr<ClientChannel> channel_;
  std::shared_ptr<ClientStream> self_;  // Until OnDone.
  uint32_t id_ = 0;
  grpc::ClientContext* context_ = nullptr;
  Reactor* reactor_ = nullptr;  // Null after OnDone.
  OnRequest on_request_;
  OnResponse on_response_;
  std::deque<Response> came_;
  std::optional<grpc::Status> status_;
  Response* reading_ = nullptr;
  bool writing_ = false;
  int holds_ = 0;
  bool posted_ = false;
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_CLIENT_CALLS_H_
