#include "coordinator/cli/tell_stream.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/process/thread.h"
#include "common/rpc/grpc_failure.h"
#include "coordinator/cli/coordinator_lives.h"
#include "coordinator/desk/frame_bytes.h"

namespace iris {
namespace {

constexpr absl::Duration kAccept = absl::Seconds(30);
constexpr absl::Duration kConfirm = absl::Seconds(5);

using Stream = grpc::ClientReaderWriter<v1::TellRequest, v1::TellUpdate>;

// Cancels a blocking call when its time is up: one limit until the tell is accepted, another one
// from then on. gRPC's own deadline cannot be moved once the call runs.
class CallTimer {
 public:
  CallTimer(grpc::ClientContext& context, absl::Time give_up)
      : context_(context),
        give_up_(give_up),
        thread_(StartThread("watches the time", [this] { Watch(); })) {}
  ~CallTimer() {
    {
      absl::MutexLock lock(&mutex_);
      done_ = true;
    }
    if (thread_.ok()) thread_->join();
  }

  absl::Status status() const { return thread_.status(); }
  void Accepted() {
    absl::MutexLock lock(&mutex_);
    accepted_ = true;
  }
  bool Fired() const {
    absl::MutexLock lock(&mutex_);
    return fired_;
  }

 private:
  bool AcceptedOrDone() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return accepted_ || done_; }

  void Watch() {
    absl::MutexLock lock(&mutex_);
    const bool in_time =
        mutex_.AwaitWithTimeout(absl::Condition(this, &CallTimer::AcceptedOrDone), kAccept);
    if (in_time && mutex_.AwaitWithDeadline(absl::Condition(&done_), give_up_)) return;
    fired_ = true;
    context_.TryCancel();
  }

  grpc::ClientContext& context_;
  const absl::Time give_up_;
  mutable absl::Mutex mutex_;
  bool accepted_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  bool fired_ ABSL_GUARDED_BY(mutex_) = false;
  absl::StatusOr<std::thread> thread_;  // Last: it uses the others.
};

void WriteText(Stream& stream, v1::TellRequest frame, const std::string& text) {
  size_t sent = 0;
  do {
    const size_t size = std::min(kFrontEndFrameBytesMax, text.size() - sent);
    frame.set_text(text.data() + sent, size);
    sent += size;
    frame.set_last(sent == text.size());
    if (!stream.Write(frame)) return;  // Finish() says why.
    frame.Clear();
  } while (sent < text.size());
}

template <typename Reader>
void ReadUpdates(Reader& stream, CallTimer& timer, const TellStreamEvents& events,
                 TellStreamResult& result) {
  for (v1::TellUpdate update; stream.Read(&update);) {
    switch (update.kind_case()) {
      case v1::TellUpdate::kAccepted:
        result.accepted = true;
        timer.Accepted();
        events.accepted();
        break;
      case v1::TellUpdate::kProgress:
        result.progress = update.progress();
        events.progress(update.progress());
        break;
      case v1::TellUpdate::kAnswer:
        result.answer += update.answer();
        break;
      case v1::TellUpdate::kSettled:
        result.settled = std::move(*update.mutable_settled());
        break;
      case v1::TellUpdate::KIND_NOT_SET:
        break;
    }
  }
}

// One call, which `begin` makes, to its end.
template <typename Begin>
TellStreamResult Run(absl::Time give_up, const TellStreamEvents& events, const Begin& begin) {
  TellStreamResult result;
  grpc::ClientContext context;
  bool fired;
  {
    CallTimer timer(context, give_up);
    if (!timer.status().ok()) return {.call = timer.status()};
    const auto stream = begin(context);
    ReadUpdates(*stream, timer, events, result);
    result.call = FromGrpcStatus(stream->Finish(), "");
    fired = timer.Fired();
  }
  if (!fired || result.settled.has_value()) return result;
  result.timed_out = result.accepted;
  if (!result.accepted) {
    result.call =
        MakeFailure(v1::FAILURE_TIMEOUT, "the coordinator did not take the message within 30 s",
                    "`iris tells --all` says whether it has it; if not, send it again.");
  }
  return result;
}

}  // namespace

v1::TellSummary::State TellStreamResult::state() const {
  if (settled.has_value()) return v1::TellSummary::SETTLED;
  if (!accepted) return v1::TellSummary::STATE_UNSPECIFIED;
  const bool waits = progress.stage() == v1::TellProgress::STAGE_UNSPECIFIED ||
                     progress.stage() == v1::TellProgress::QUEUED;
  return waits ? v1::TellSummary::QUEUED : v1::TellSummary::RUNNING;
}

bool TellStreamResult::coordinator_lost() const {
  if (settled.has_value() || timed_out) return false;
  return CoordinatorLost(call);
}

TellStreamResult StreamTell(v1::Coordinator::Stub& stub, const v1::TellRequest& header,
                            const std::string& text, absl::Time give_up,
                            const TellStreamEvents& events) {
  v1::TellRequest confirming = header;
  confirming.set_confirms(true);
  return Run(give_up, events, [&](grpc::ClientContext& context) {
    std::unique_ptr<Stream> stream = stub.Tell(&context);
    WriteText(*stream, confirming, text);
    return stream;
  });
}

TellStreamResult FollowTell(v1::Coordinator::Stub& stub, const v1::FollowTellRequest& request,
                            const TellStreamEvents& events) {
  v1::FollowTellRequest confirming = request;
  confirming.set_confirms(true);
  return Run(absl::InfiniteFuture(), events,
             [&](grpc::ClientContext& context) { return stub.FollowTell(&context, confirming); });
}

void ConfirmFetched(v1::Coordinator::Stub& stub, const std::string& tell_id,
                    const std::string& from) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kConfirm));
  v1::MarkFetchedRequest request;
  request.set_tell_id(tell_id);
  request.set_from(from);
  v1::MarkFetchedResponse response;
  (void)stub.MarkFetched(&context, request, &response);
}

}  // namespace iris
