#ifndef IRIS_COORDINATOR_TRANSPORT_CHILD_REPORT_H_
#define IRIS_COORDINATOR_TRANSPORT_CHILD_REPORT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/alive_flag.h"
#include "coordinator/transport/request_list.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/turn_progress.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What is known of a session's child, and what the sink heard of it and of what it asks. Lives on
// the loop; a call that reports to the sink may lead to the end of this.
class ChildReport {
 public:
  // `progress` is of the turn in flight.
  ChildReport(std::string session_id, const TurnProgress& progress, TransportSink& sink)
      : session_id_(std::move(session_id)), progress_(progress), sink_(sink) {}

  // It answers, as far as is known.
  bool ready() const { return ready_; }
  bool Is(const v1::ChildInfo& child) const {
    return pid_ == child.pid() && start_time_ == child.start_time();
  }
  // Somebody waits for one that answers, until OnReady(), SayUnknown() or Forget().
  void Await() { is_awaited_ = true; }
  bool is_awaited() const { return is_awaited_; }
  // True: somebody did.
  bool StopAwaiting() { return std::exchange(is_awaited_, false); }
  // Says that it answers; unless it is this one of which that was said: both the event and the
  // answer of a call say so.
  void OnReady(const v1::ChildInfo& child);
  void SayReadyAgain() { sink_.OnReady(pid_, start_time_); }
  // It has exited. False: it was not ready.
  bool OnExited() { return std::exchange(ready_, false); }

  // Contact is lost: whether it answers is not known.
  void OnContactLost() { ready_ = false; }
  // Nobody needs the host. Says nothing.
  void Forget();
  // The one that the sink knows of is not there any more: says so.
  void SayGone(const absl::Status& why);
  // The same, where nobody knows, also to `somebody_waits`, who waits for one.
  void SayUnknown(const absl::Status& why, bool somebody_waits);
  // A start has failed, or contact with what ran.
  void SayFailed(const absl::Status& why);

  // The host says what waits there now.
  void OnAttached(const std::vector<v1::PendingRequest>& requests);
  void OnAsked(const v1::PendingRequest& request);
  void OnAnswered(const std::string& request_id);
  // There is nothing to be answered any more: says so. False: a sink destroyed this.
  bool ForgetRequests();

 private:
  const std::string session_id_;
  const TurnProgress& progress_;
  TransportSink& sink_;
  bool ready_ = false;
  bool is_awaited_ = false;
  bool said_ready_ = false;  // OnReady() was the last word to the sink.
  int64_t pid_ = 0;
  uint64_t start_time_ = 0;
  RequestList requests_;
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_CHILD_REPORT_H_
