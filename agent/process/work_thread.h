#ifndef IRIS_AGENT_PROCESS_WORK_THREAD_H_
#define IRIS_AGENT_PROCESS_WORK_THREAD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/process/slow_work.h"
#include "common/loop/event_loop.h"

namespace iris {

// The thread of an agent for what may block, one after the other:
//
//   loop:    Run ──▶ [ job | job | job ]        ┌──▶ done; or, where it is late, before that
//   thread:            └──▶ work ── Post ───────┘
//
// The thread is started at once, since later there may be none to be had; where there is none, each
// Run() tries again.
class WorkThread final : public SlowWork {
 public:
  static constexpr size_t kWaitingMax = 10'000;  // A start and an end of each session, and more.

  // `loop` outlives it.
  explicit WorkThread(EventLoop& loop);
  // Not on the loop: what has no limit is run to its end, and waited for. Nobody hears of it.
  ~WorkThread() override;
  WorkThread(const WorkThread&) = delete;
  WorkThread& operator=(const WorkThread&) = delete;

  void Run(absl::string_view what, absl::Duration within, Work work, Done done) override;

 private:
  struct Job {
    uint64_t id = 0;
    bool has_limit = false;
    Work work;
  };
  struct Jobs {
    absl::Mutex mutex;
    std::deque<Job> queue ABSL_GUARDED_BY(mutex);
    bool stop ABSL_GUARDED_BY(mutex) = false;
  };
  struct Waiter {
    std::string what;
    Done done;
    EventLoop::TimerId timer = 0;  // 0: it may take any time.
  };
  using Waiters = std::map<uint64_t, Waiter>;

  absl::Status EnsureThread();
  void Add(uint64_t id, bool has_limit, Work work);
  void RunThread();

  EventLoop& loop_;
  uint64_t last_id_ = 0;
  // What the loop has been given to run may outlive this.
  const std::shared_ptr<Waiters> waiters_ = std::make_shared<Waiters>();  // Of the loop alone.
  const std::shared_ptr<Jobs> jobs_ = std::make_shared<Jobs>();
  std::thread thread_;  // Last: it uses what is above.
};

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_WORK_THREAD_H_
