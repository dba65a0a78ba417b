#ifndef IRIS_AGENT_SESSION_LOOP_TIMER_H_
#define IRIS_AGENT_SESSION_LOOP_TIMER_H_

#include <utility>

#include "absl/time/time.h"
#include "common/loop/event_loop.h"

namespace iris {

// One timer of a loop, which ends with its owner. Lives on the loop.
class LoopTimer {
 public:
  explicit LoopTimer(EventLoop& loop) : loop_(loop) {}
  ~LoopTimer() { Cancel(); }
  LoopTimer(const LoopTimer&) = delete;
  LoopTimer& operator=(const LoopTimer&) = delete;

  // Runs `task` once, after `delay`, in the place of what it was set for before. The task may set
  // it again, and may destroy it.
  void Set(absl::Duration delay, EventLoop::Task task) {
    Cancel();
    id_ = loop_.After(delay, [this, task = std::move(task)]() mutable {
      id_ = 0;
      // Kept beyond the timer, which the task may destroy.
      EventLoop::Task now = std::move(task);
      now();
    });
  }
  void Cancel() {
    if (id_ != 0) loop_.Cancel(id_);
    id_ = 0;
  }
  bool is_set() const { return id_ != 0; }

 private:
  EventLoop& loop_;
  EventLoop::TimerId id_ = 0;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_LOOP_TIMER_H_
