#ifndef IRIS_COORDINATOR_LINK_CALLS_H_
#define IRIS_COORDINATOR_LINK_CALLS_H_

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/log/check.h"

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
    Check(count_ > 0, "a call ends that did not start");
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

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_CALLS_H_
