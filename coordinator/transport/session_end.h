#ifndef IRIS_COORDINATOR_TRANSPORT_SESSION_END_H_
#define IRIS_COORDINATOR_TRANSPORT_SESSION_END_H_

#include <functional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/transport/transport.h"

namespace iris {

// Transport::Terminate() that is under way: who waits for it, and what the agent answered. Lives on
// the loop.
class SessionEnd {
 public:
  explicit SessionEnd(EventLoop& loop) : loop_(loop) {}
  ~SessionEnd() {
    alive_.Clear();
    loop_.Cancel(timer_);
  }
  SessionEnd(const SessionEnd&) = delete;
  SessionEnd& operator=(const SessionEnd&) = delete;

  bool asked() const { return !waiting_.empty(); }
  // False: it was asked for already.
  bool Ask(Transport::TerminateDone done) {
    waiting_.push_back(std::move(done));
    return waiting_.size() == 1;
  }

  // A Close goes to the agent. Until that has answered, or there is another lease, it may still
  // come there.
  void OnCloseSent() { may_still_come_ = true; }
  void OnCloseAnswered() { may_still_come_ = false; }
  void OnNewLease() { may_still_come_ = false; }
  bool may_still_come() const { return may_still_come_; }

  // The agent's answer: a child ran, or none. The rest comes down the stream, within a while: then
  // `late` is called.
  void OnAnswer(bool was_running) { was_running_ = was_running; }
  void WaitForStream(absl::Duration at_most, std::function<void()> late) {
    timer_ = loop_.After(at_most, [this, late = std::move(late)] {
      timer_ = 0;
      late();
    });
  }
  const absl::optional<bool>& was_running() const { return was_running_; }
  absl::optional<bool> TakeAnswer() { return std::exchange(was_running_, absl::nullopt); }

  // It is over: all hear of it. False: one of them destroyed this.
  bool Finish(const absl::StatusOr<bool>& was_running) {
    loop_.Cancel(std::exchange(timer_, 0));
    was_running_.reset();
    const AliveWatch alive = alive_.Watch();
    for (Transport::TerminateDone& done : std::exchange(waiting_, {})) {
      if (alive) done(was_running);
    }
    return alive.is_set();
  }

 private:
  EventLoop& loop_;
  std::vector<Transport::TerminateDone> waiting_;
  bool may_still_come_ = false;
  absl::optional<bool> was_running_;
  EventLoop::TimerId timer_ = 0;
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_SESSION_END_H_
