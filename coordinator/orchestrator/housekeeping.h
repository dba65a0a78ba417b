#ifndef IRIS_COORDINATOR_ORCHESTRATOR_HOUSEKEEPING_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_HOUSEKEEPING_H_

#include <functional>
#include <utility>

#include "absl/time/time.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/store/store_queue.h"

namespace iris {

// What is done now and then, whatever happens: the store drops what is too old, and gives room back
// to the disk, a little at a time. Lives on the coordinator's loop.
class Housekeeping {
 public:
  // Between two pieces of room that are given back: others on the loop have their turn.
  static constexpr absl::Duration kGiveBackAgain = absl::Milliseconds(100);

  // Begins, and goes on until it is destroyed. Both outlive this. `also` is done each time.
  Housekeeping(EventLoop& loop, StoreQueue& store, absl::Duration every, std::function<void()> also)
      : loop_(loop), store_(store), every_(every), also_(std::move(also)) {
    Wait();
  }
  ~Housekeeping() { loop_.Cancel(timer_); }
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

 private:
  void Wait();
  void GiveBackRoom();

  EventLoop& loop_;
  StoreQueue& store_;
  const absl::Duration every_;
  const std::function<void()> also_;
  EventLoop::TimerId timer_ = 0;
  AliveFlag alive_;  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_HOUSEKEEPING_H_
