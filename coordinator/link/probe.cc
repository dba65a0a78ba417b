#include "coordinator/link/probe.h"

#include <utility>

#include "common/failure/failure.h"
#include "coordinator/link/host_failure.h"

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

  uint64_t Ping() {
    if (!held_) return 0;
    if (writing_) {
      again_ = true;
      return nonce_ + 1;
    }
    writing_ = true;
    request_.set_nonce(++nonce_);
    StartWrite(&request_);
    return nonce_;
  }

  void Cancel() {
    callbacks_ = {};
    context_.TryCancel();
    LetGo();
  }

 private:
  void OnReadDone(bool ok) override {
    const uint64_t nonce = response_.nonce();
    if (ok) StartRead(&response_);
    loop_.Post([self = shared_from_this(), ok, nonce] {
      if (!ok) return self->LetGo();  // OnDone says why.
      if (self->callbacks_.on_answer) self->callbacks_.on_answer(nonce);
    });
  }
  void OnWriteDone(bool ok) override {
    loop_.Post([self = shared_from_this(), ok] {
      self->writing_ = !ok;
      if (ok && std::exchange(self->again_, false)) self->Ping();
    });
  }
  void OnDone(const grpc::Status& status) override {
    loop_.Post([self = self_, status] {
      if (!self->callbacks_.on_end) return;
      std::exchange(self->callbacks_, {})
          .on_end(status.ok() ? MakeFailure(v1::FAILURE_DROPPED, "the agent ended the link")
                              : FromHost(status, "the link"));
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
  bool again_ = false;  // Asked for while writing.
  uint64_t nonce_ = 0;  // The last that was sent.
  grpc::ClientContext context_;
  v1::ProbeRequest request_;
  v1::ProbeResponse response_;
  std::shared_ptr<ProbeCall> self_;  // Until OnDone.
};

class GrpcProbe final : public Probe {
 public:
  explicit GrpcProbe(std::shared_ptr<ProbeCall> call) : call_(std::move(call)) {}
  ~GrpcProbe() override { call_->Cancel(); }
  uint64_t Ping() override { return call_->Ping(); }

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
