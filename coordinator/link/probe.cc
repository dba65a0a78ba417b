#include "coordinator/link/probe.h"

#include <utility>

#include "common/failure/failure.h"
#include "common/rpc/grpc_failure.h"

namespace iris {
namespace {

// Outlives the Probe until gRPC is done with it. Fields are for the loop, but for the messages,
// which gRPC uses between start and callback. Questions are asked from the loop at any time, so a
// hold keeps the call from being over before the loop knows.
class ProbeCall final : public grpc::ClientBidiReactor<v1::ProbeRequest, v1::ProbeResponse>,
                        public std::enable_shared_from_this<ProbeCall> {
 public:
  ProbeCall(EventLoop& loop, OutstandingCalls& calls, Probe::Callbacks callbacks)
      : loop_(loop), calls_(calls), callbacks_(std::move(callbacks)) {}

  void Start(v1::Agent::StubInterface& stub) {
    self_ = shared_from_this();
    calls_.Started();
    stub.async()->Probe(&context_, this);
    AddHold();
    StartRead(&response_);
    Ping();
    StartCall();
  }

  void Ping() {
    if (!held_ || std::exchange(writing_, true)) return;
    request_.set_nonce(request_.nonce() + 1);
    StartWrite(&request_);
  }

  void Cancel() {
    callbacks_ = {};
    context_.TryCancel();
    LetGo();
  }

 private:
  void OnReadDone(bool ok) override {
    if (ok) StartRead(&response_);
    loop_.Post([self = shared_from_this(), ok] {
      if (!ok) return self->LetGo();  // OnDone says why.
      if (self->callbacks_.on_life) self->callbacks_.on_life();
    });
  }
  void OnWriteDone(bool ok) override {
    loop_.Post([self = shared_from_this(), ok] { self->writing_ = !ok; });
  }
  void OnDone(const grpc::Status& status) override {
    loop_.Post([self = self_, status] {
      if (!self->callbacks_.on_end) return;
      std::exchange(self->callbacks_, {})
          .on_end(status.ok() ? MakeFailure(v1::FAILURE_DROPPED, "the agent ended the link")
                              : FromGrpcStatus(status, "the link"));
    });
    OutstandingCalls& calls = calls_;
    self_.reset();  // May destroy this.
    calls.Ended();
  }

  void LetGo() {
    if (std::exchange(held_, false)) RemoveHold();
  }

  EventLoop& loop_;
  OutstandingCalls& calls_;
  Probe::Callbacks callbacks_;
  bool held_ = true;
  bool writing_ = false;
  grpc::ClientContext context_;
  v1::ProbeRequest request_;
  v1::ProbeResponse response_;
  std::shared_ptr<ProbeCall> self_;  // Until OnDone.
};

class GrpcProbe final : public Probe {
 public:
  explicit GrpcProbe(std::shared_ptr<ProbeCall> call) : call_(std::move(call)) {}
  ~GrpcProbe() override { call_->Cancel(); }
  void Ping() override { call_->Ping(); }

 private:
  const std::shared_ptr<ProbeCall> call_;
};

}  // namespace

std::unique_ptr<Probe> Probe::Start(EventLoop& loop, OutstandingCalls& calls,
                                    v1::Agent::StubInterface& stub, Callbacks callbacks) {
  auto call = std::make_shared<ProbeCall>(loop, calls, std::move(callbacks));
  call->Start(stub);
  return std::make_unique<GrpcProbe>(std::move(call));
}

}  // namespace iris
