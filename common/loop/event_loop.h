#ifndef IRIS_COMMON_LOOP_EVENT_LOOP_H_
#define IRIS_COMMON_LOOP_EVENT_LOOP_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/scoped_fd.h"
#include "common/loop/callback_watch.h"

namespace iris {

// One thread that runs posted functions, timers and descriptor callbacks, one at a time, in order.
// What lives on it needs no locks: the agent's children, the coordinator's tells and links.
//
//   any thread ── Post(fn) ──▶ [ fn | fn | fn ] ──▶ loop thread ◀── timers, descriptors
//
// A callback must not block, and not compute for long: in tests that fails (watchdog.h). It is
// named by where it was handed over: `from`, which nobody passes. Post(), Stop(), OnLoop() and
// now() are thread-safe; everything else is for the loop thread, or for any one thread before Run()
// and after it. Timers and descriptors abort on another thread: what lives on a loop that runs has
// to be destroyed on it.
class EventLoop {
 public:
  using Task = absl::AnyInvocable<void()>;
  using TimerId = uint64_t;  // Never 0.
  // What a descriptor is ready for. Errors and hang-ups arrive as both.
  struct Ready {
    bool readable = false;
    bool writable = false;
  };
  using FdCallback = absl::AnyInvocable<void(Ready)>;

  using Clock = std::function<absl::Duration()>;  // Since any moment; never goes back.

  EventLoop();
  // By another clock, for simulations: RunReady() in the place of Run(), and no descriptors.
  explicit EventLoop(Clock clock) : clock_(std::move(clock)) {}
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs on the calling thread until Stop(). Tasks posted before Stop() still run; later ones are
  // destroyed with the loop, unrun.
  void Run();
  void Stop();

  // Runs on the calling thread what was posted before and the timers that are due, without waiting.
  // False: there was nothing.
  bool RunReady();
  // When the next timer is due, by now().
  absl::optional<absl::Duration> next_timer() const;

  void Post(Task task, CodePlace from = CodePlace::Here());
  bool OnLoop() const;

  // The clock of the timers; by default the kernel's that nobody can set.
  absl::Duration now() const { return clock_(); }
  // Runs `task` once, not earlier than `delay` from now.
  TimerId After(absl::Duration delay, Task task, CodePlace from = CodePlace::Here());
  // False if it ran already or was cancelled.
  bool Cancel(TimerId id);

  // Level-triggered. `fd` stays the caller's and must be unwatched before it is closed. Watching a
  // watched descriptor changes what it is watched for and keeps the callback. ResourceExhausted,
  // and it is not watched: the system has no more of what that takes. What it was for ends as
  // Exhausted() (common/failure) says it, or tries again in a moment.
  absl::Status Watch(int fd, Ready interest, FdCallback callback,
                     CodePlace from = CodePlace::Here());
  // Of one that is watched. Takes nothing more of the system.
  void ChangeInterest(int fd, Ready interest);
  void Unwatch(int fd);
  // For tests: as if the system allowed no more than so many to be watched.
  void set_watched_max(size_t watched_max) { watched_max_ = watched_max; }

 private:
  struct Watched {
    uint64_t generation;
    std::shared_ptr<FdCallback> callback;
    CodePlace from;
  };
  struct Timer {
    TimerId id;
    Task task;
    CodePlace from;
  };
  struct Posted {
    Task task;
    CodePlace from;
    CallbackWatch::Kind kind;
  };
  friend class LoopThread;

  void CheckThread() const;
  void Enqueue(Posted posted);
  // A simulated one waits for nobody.
  CallbackWatch::Kind OrdinaryKind() const {
    return wakeup_ ? CallbackWatch::Kind::kOrdinary : CallbackWatch::Kind::kMayBlock;
  }
  bool RunPosted();
  bool RunDueTimers();
  int MillisToNextTimer() const;
  // The errno; 0: done.
  int Control(int operation, int fd, Ready interest, uint64_t generation) const;
  void Dispatch(uint64_t token, uint32_t events);

  const Clock clock_;
  ScopedFd epoll_;  // Neither, for a simulation.
  ScopedFd wakeup_;
  std::atomic<std::thread::id> loop_thread_{};  // That Run() is on; none: it does not run.

  mutable absl::Mutex mutex_;
  std::vector<Posted> posted_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;

  uint64_t next_generation_ = 1;
  absl::flat_hash_map<int, Watched> watched_;
  size_t watched_max_ = std::numeric_limits<size_t>::max();
  TimerId next_timer_ = 1;
  std::multimap<int64_t, Timer> timers_;  // By nanoseconds of the clock.
  absl::flat_hash_map<TimerId, std::multimap<int64_t, Timer>::iterator> timer_by_id_;
};

// A loop with its own thread, joined by the destructor after Stop().
class LoopThread {
 public:
  LoopThread() : thread_([this] { loop_.Run(); }) {}
  ~LoopThread() {
    loop_.Stop();
    thread_.join();
  }
  EventLoop& loop() { return loop_; }
  // Runs `task` on the loop, after what was posted before; returns when it is through. Not to be
  // called on the loop, where it would wait for itself: that aborts. Whoever calls it waits anyway:
  // `task` may block, and take long.
  void Run(absl::FunctionRef<void()> task);

 private:
  EventLoop loop_;
  std::thread thread_;
};

}  // namespace iris

#endif  // IRIS_COMMON_LOOP_EVENT_LOOP_H_
