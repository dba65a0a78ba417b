#ifndef IRIS_AGENT_PROCESS_SLOW_WORK_H_
#define IRIS_AGENT_PROCESS_SLOW_WORK_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace iris {

// Runs what may block, in the order in which it comes: locks that others have, and files that are
// large or lie on a network file system. Lives on the process loop, which goes on meanwhile.
class SlowWork {
 public:
  using Work = absl::AnyInvocable<void()>;
  using Done = absl::AnyInvocable<void(const absl::Status& ran)>;
  virtual ~SlowWork() = default;

  // `work` touches only what it has brought, and is short of its own accord but for what blocks it.
  // `what`: for people, "a claim is looked at". `done` on the loop, once:
  //   OK                      it ran.
  //   DeadlineExceeded        it did not within `within`. It may still run to its end, and what it
  //                           writes to is not to be read; if it has not begun, it never will.
  //   FAILURE_BUSY_LIMIT      too much waits, or there is no thread; it never runs.
  // Without a limit (absl::InfiniteDuration()) it runs in any case, be it at the end.
  virtual void Run(absl::string_view what, absl::Duration within, Work work, Done done) = 0;
};

// On the loop, before Run() returns: for simulations and tests, where nothing blocks for long.
class WorkAtOnce final : public SlowWork {
 public:
  void Run(absl::string_view, absl::Duration, Work work, Done done) override {
    work();
    done(absl::OkStatus());
  }
  static SlowWork& Get() {
    static WorkAtOnce* const at_once = new WorkAtOnce;
    return *at_once;
  }
};

// `work`, or where there is none, at once.
inline SlowWork& OrAtOnce(SlowWork* work) { return work != nullptr ? *work : WorkAtOnce::Get(); }

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_SLOW_WORK_H_
