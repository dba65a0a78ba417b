// All that the coordinator knows of gRPC as a client of agents.

#include "coordinator/link/grpc_channel.h"

#include <deque>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "coordinator/link/host_failure.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel_posix.h"
#include "grpcpp/support/channel_arguments.h"
#include "grpcpp/support/client_callback.h"
#include "grpcpp/support/status.h"
#include "proto/iris/v1/agent.grpc.pb.h"

namespace iris {
namespace {

// Frames are ≤ 256 KiB; what a host sends beyond a message of 1 MiB is not ours to hold.
constexpr int kMessageBytesMax = 4 << 20;

using Async = v1::Agent::StubInterface::async_interface;

// One unary call with its context and messages. Owns itself until it is over.
template <typename Request, typename Response>
class GrpcCall final : public AgentCall,
                       public std::enable_shared_from_this<GrpcCall<Request, Response>> {
 public:
  using Method = void (Async::*)(grpc::ClientContext*, const Request*, Response*,
                                 std::function<void(grpc::Status)>);

  GrpcCall(EventLoop& loop, OutstandingCalls& calls, const Request& request,
           AgentChannel::Done<Response> done)
      : loop_(loop), calls_(calls), request_(request), done_(std::move(done)) {}

  void Start(Async& agent, Method method, absl::Duration within) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + within));
    calls_.Started();
    (agent.*method)(&context_, &request_, &response_,
                    [self = this->shared_from_this()](grpc::Status status) {
                      OutstandingCalls& calls = self->calls_;
                      EventLoop& loop = self->loop_;
                      loop.Post([self, status = std::move(status)] { self->End(status); });
                      calls.Ended();
                    });
  }

  void Cancel() override {
    done_ = nullptr;
    context_.TryCancel();
  }

 private:
  void End(const grpc::Status& status) {
    const AgentChannel::Done<Response> done = std::exchange(done_, nullptr);
    if (done == nullptr) return;
    if (!status.ok()) return done(FromHost(status, ""));
    done(std::move(response_));
  }

  EventLoop& loop_;
  OutstandingCalls& calls_;
  grpc::ClientContext context_;
  const Request request_;
  Response response_;
  AgentChannel::Done<Response> done_;  // For the loop alone.
};

// One stream. Owns itself until it is over.
template <typename Sent, typename Came>
class GrpcStream final : public FrameStream<Sent, Came>,
                         public std::enable_shared_from_this<GrpcStream<Sent, Came>>,
                         private grpc::ClientBidiReactor<Sent, Came> {
  using Reactor = grpc::ClientBidiReactor<Sent, Came>;

 public:
  using Sink = typename FrameStream<Sent, Came>::Sink;
  using Method = void (Async::*)(grpc::ClientContext*, Reactor*);

  // `agent` stays until Start().
  GrpcStream(Async& agent, Method method, OutstandingCalls& calls, std::shared_ptr<Sink> sink)
      : agent_(agent), method_(method), calls_(calls), sink_(std::move(sink)) {}

  void Start(Sent first) override {
    self_ = this->shared_from_this();
    calls_.Started();
    (agent_.*method_)(&context_, this);
    Reactor::StartRead(&came_);
    // Frames may be sent at any time, so the call holds itself open until it is over.
    Reactor::AddHold();
    Send(std::move(first));
    Reactor::StartCall();
  }

  // gRPC takes one write at a time.
  void Send(Sent frame) override {
    absl::MutexLock lock(&mutex_);
    if (over_) return;
    to_write_.push_back(std::move(frame));
    if (to_write_.size() == 1) Reactor::StartWrite(&to_write_.front());
  }

  void Cancel() override { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      sink_->OnFrame(came_);
      return Reactor::StartRead(&came_);
    }
    // Nothing more comes, and nothing may be written from now on.
    {
      absl::MutexLock lock(&mutex_);
      over_ = true;
    }
    Reactor::RemoveHold();
  }

  void OnWriteDone(bool ok) override {
    Sent sent;
    {
      absl::MutexLock lock(&mutex_);
      sent = std::move(to_write_.front());
      to_write_.pop_front();
      if (!ok) over_ = true;
      if (!over_ && !to_write_.empty()) Reactor::StartWrite(&to_write_.front());
    }
    if (ok) sink_->OnSent(sent);
  }

  void OnDone(const grpc::Status& status) override {
    sink_->OnEnded(FromHost(status, ""));
    sink_.reset();  // It has this stream.
    OutstandingCalls& calls = calls_;
    self_.reset();  // May destroy this.
    calls.Ended();
  }

  Async& agent_;
  const Method method_;
  OutstandingCalls& calls_;
  std::shared_ptr<Sink> sink_;        // Until OnDone.
  std::shared_ptr<GrpcStream> self_;  // Likewise.
  grpc::ClientContext context_;
  Came came_;  // For the read callbacks alone, which come one after the other.

  absl::Mutex mutex_;
  std::deque<Sent> to_write_ ABSL_GUARDED_BY(mutex_);  // The first is being written.
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

class GrpcChannel final : public AgentChannel {
 public:
  GrpcChannel(EventLoop& loop, OutstandingCalls& calls, ScopedFd wire)
      : loop_(loop), calls_(calls), stub_(StubOver(std::move(wire))) {}

  Call Acquire(const v1::AcquireRequest& request, absl::Duration within,
               Done<v1::AcquireResponse> done) override {
    return Ask(&Async::Acquire, request, within, std::move(done));
  }
  Call Open(const v1::OpenRequest& request, absl::Duration within,
            Done<v1::OpenResponse> done) override {
    return Ask(&Async::Open, request, within, std::move(done));
  }
  Call CancelTell(const v1::CancelTellRequest& request, absl::Duration within,
                  Done<v1::CancelTellResponse> done) override {
    return Ask(&Async::CancelTell, request, within, std::move(done));
  }
  Call AnswerRequest(const v1::AnswerRequestRequest& request, absl::Duration within,
                     Done<v1::AnswerRequestResponse> done) override {
    return Ask(&Async::AnswerRequest, request, within, std::move(done));
  }
  Call Close(const v1::CloseRequest& request, absl::Duration within,
             Done<v1::CloseResponse> done) override {
    return Ask(&Async::Close, request, within, std::move(done));
  }
  Call List(const v1::ListRequest& request, absl::Duration within,
            Done<v1::ListResponse> done) override {
    return Ask(&Async::List, request, within, std::move(done));
  }
  Call GetHost(const v1::GetHostRequest& request, absl::Duration within,
               Done<v1::GetHostResponse> done) override {
    return Ask(&Async::GetHost, request, within, std::move(done));
  }
  Call Shutdown(const v1::ShutdownRequest& request, absl::Duration within,
                Done<v1::ShutdownResponse> done) override {
    return Ask(&Async::Shutdown, request, within, std::move(done));
  }

  std::shared_ptr<AttachFrames> Attach(std::shared_ptr<AttachFrames::Sink> sink) override {
    return std::make_shared<GrpcStream<v1::AttachRequest, v1::AttachResponse>>(
        *stub_->async(), &Async::Attach, calls_, std::move(sink));
  }
  std::shared_ptr<ProbeFrames> Probe(std::shared_ptr<ProbeFrames::Sink> sink) override {
    return std::make_shared<GrpcStream<v1::ProbeRequest, v1::ProbeResponse>>(
        *stub_->async(), &Async::Probe, calls_, std::move(sink));
  }

 private:
  static std::unique_ptr<v1::Agent::StubInterface> StubOver(ScopedFd wire) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
    return v1::Agent::NewStub(
        grpc::CreateCustomInsecureChannelFromFd("iris-agent", wire.Release(), arguments));
  }

  // gRPC has two methods of each name: this is the one that takes a function.
  template <typename Request, typename Response>
  Call Ask(typename GrpcCall<Request, Response>::Method method, const Request& request,
           absl::Duration within, Done<Response> done) {
    const auto call =
        std::make_shared<GrpcCall<Request, Response>>(loop_, calls_, request, std::move(done));
    call->Start(*stub_->async(), method, within);
    return call;
  }

  EventLoop& loop_;
  OutstandingCalls& calls_;
  const std::unique_ptr<v1::Agent::StubInterface> stub_;
};

}  // namespace

std::unique_ptr<AgentChannel> OpenGrpcChannel(EventLoop& loop, OutstandingCalls& calls,
                                              ScopedFd wire) {
  return std::make_unique<GrpcChannel>(loop, calls, std::move(wire));
}

}  // namespace iris
