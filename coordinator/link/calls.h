#ifndef IRIS_COORDINATOR_LINK_CALLS_H_
#define IRIS_COORDINATOR_LINK_CALLS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"

namespace iris {

// Counts calls whose callbacks may still reach the loop, so that the loop is not destroyed under
// them. Thread-safe.
class OutstandingCalls {
 public:
  void Started() {
    absl::MutexLock lock(&mutex_);
    ++count_;
  }
  void Ended() {
    absl::MutexLock lock(&mutex_);
    --count_;
  }
  // True if none is left by `deadline`. Cancel them first.
  bool WaitForNone(absl::Time deadline) {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithDeadline(absl::Condition(this, &OutstandingCalls::None), deadline);
  }

 private:
  bool None() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return count_ == 0; }

  absl::Mutex mutex_;
  size_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One unary call with its context and messages, for the callback API: the stub's method is started
// with Done(), which runs `then` on the loop with the outcome. Owned by the call itself until then;
// Cancel() through the pointer that Make() returned.
//
//   auto call = UnaryCall<Req, Resp>::Make(loop, calls, deadline, then);
//   call->request.set_…;
//   stub.async()->Method(&call->context, &call->request, &call->response, call->Done());
template <typename Request, typename Response>
class UnaryCall : public std::enable_shared_from_this<UnaryCall<Request, Response>> {
 public:
  using Then = std::function<void(UnaryCall&, const grpc::Status&)>;

  static std::shared_ptr<UnaryCall> Make(EventLoop& loop, OutstandingCalls& calls,
                                         absl::Time deadline, Then then) {
    std::shared_ptr<UnaryCall> call(new UnaryCall(loop, calls, std::move(then)));
    call->context.set_deadline(absl::ToChronoTime(deadline));
    return call;
  }

  std::function<void(grpc::Status)> Done() {
    calls_.Started();
    return [self = this->shared_from_this()](grpc::Status status) {
      OutstandingCalls& calls = self->calls_;
      EventLoop& loop = self->loop_;
      loop.Post([self, status = std::move(status)] {
        if (self->then_) self->then_(*self, status);
      });
      calls.Ended();
    };
  }

  // The caller goes: `then` is not run. On the loop.
  void Cancel() {
    then_ = nullptr;
    context.TryCancel();
  }

  grpc::ClientContext context;
  Request request;
  Response response;

 private:
  UnaryCall(EventLoop& loop, OutstandingCalls& calls, Then then)
      : loop_(loop), calls_(calls), then_(std::move(then)) {}

  EventLoop& loop_;
  OutstandingCalls& calls_;
  Then then_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_CALLS_H_
