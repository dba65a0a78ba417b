#include "coordinator/link/probe.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"

namespace iris {
namespace {

// Outlives the Probe until gRPC is done with it. Fields are for the loop, but for the messages,
// which gRPC uses between start and callback.
class ProbeCall final : public grpc::ClientBidiReactor<v1::ProbeRequest, v1::ProbeResponse>,
                        public std::enable_shared_from_this<ProbeCall> {
 public:
  ProbeCall(EventLoop& loop, OutstandingCalls& calls,
            std::function<void(const absl::Status&)> on_lost)
      : loop_(loop), calls_(calls), on_lost_(std::move(on_lost)) {}

  void Start(v1::Agent::Stub& stub) {
    self_ = shared_from_this();
    calls_.Started();
    stub.async()->Probe(&context_, this);
    StartRead(&response_);
    Ping();
    StartCall();
  }

  void Cancel() {
    on_lost_ = nullptr;
    CancelTimer();
    context_.TryCancel();
  }

 private:
  void OnReadDone(bool ok) override {
    loop_.Post([self = shared_from_this(), ok] {
      if (!ok || !self->on_lost_) return;  // OnDone says why.
      self->CancelTimer();
      self->StartRead(&self->response_);
      self->timer_ = self->loop_.After(kEvery, [raw = self.get()] { raw->Ping(); });
    });
  }
  void OnDone(const grpc::Status& status) override {
    loop_.Post([self = self_, status] {
      self->CancelTimer();
      self->Lost(status.ok() ? MakeFailure(v1::FAILURE_DROPPED, "the agent ended the link")
                             : FromGrpcStatus(status, "the link"));
    });
    OutstandingCalls& calls = calls_;
    self_.reset();  // May destroy this.
    calls.Ended();
  }

  void Ping() {
    request_.set_nonce(request_.nonce() + 1);
    StartWrite(&request_);
    timer_ = loop_.After(Probe::kSilenceMax, [this] {
      timer_ = 0;
      Lost(MakeFailure(
          v1::FAILURE_DROPPED,
          absl::StrCat("the host has been silent for ", absl::FormatDuration(Probe::kSilenceMax))));
      context_.TryCancel();
    });
  }
  void Lost(const absl::Status& why) {
    if (on_lost_) std::exchange(on_lost_, nullptr)(why);
  }
  void CancelTimer() {
    if (timer_ != 0) loop_.Cancel(timer_);
    timer_ = 0;
  }
  static constexpr absl::Duration kEvery = Probe::kEvery;

  EventLoop& loop_;
  OutstandingCalls& calls_;
  std::function<void(const absl::Status&)> on_lost_;
  grpc::ClientContext context_;
  v1::ProbeRequest request_;
  v1::ProbeResponse response_;
  EventLoop::TimerId timer_ = 0;
  std::shared_ptr<ProbeCall> self_;  // Until OnDone.
};

class GrpcProbe final : public Probe {
 public:
  explicit GrpcProbe(std::shared_ptr<ProbeCall> call) : call_(std::move(call)) {}
  ~GrpcProbe() override { call_->Cancel(); }

 private:
  const std::shared_ptr<ProbeCall> call_;
};

}  // namespace

std::unique_ptr<Probe> Probe::Start(EventLoop& loop, OutstandingCalls& calls, v1::Agent::Stub& stub,
                                    std::function<void(const absl::Status&)> on_lost) {
  auto call = std::make_shared<ProbeCall>(loop, calls, std::move(on_lost));
  call->Start(stub);
  return std::make_unique<GrpcProbe>(std::move(call));
}

}  // namespace iris
