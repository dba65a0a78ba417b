#ifndef IRIS_COORDINATOR_LINK_FRESH_ANSWER_H_
#define IRIS_COORDINATOR_LINK_FRESH_ANSWER_H_

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "coordinator/link/target.h"

namespace iris {

// What has just been said that a target means to somebody, whose environment it has: the attempt
// that follows connects there, with that, and does not ask once more. Else a configuration that
// says something else each time (`Match exec`) would lead from one link to the next for ever.
// Thread-safe.
class FreshAnswer {
 public:
  static constexpr absl::Duration kFresh = absl::Seconds(5);

  void Note(const ResolvedTarget& said) {
    absl::MutexLock lock(&mutex_);
    said_ = said;
    at_ = absl::Now();
  }
  // Once, and not when it is older than kFresh.
  absl::optional<ResolvedTarget> Take() {
    absl::MutexLock lock(&mutex_);
    absl::optional<ResolvedTarget> said = std::exchange(said_, absl::nullopt);
    return absl::Now() - at_ <= kFresh ? said : absl::nullopt;
  }

 private:
  absl::Mutex mutex_;
  absl::optional<ResolvedTarget> said_ ABSL_GUARDED_BY(mutex_);
  absl::Time at_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_FRESH_ANSWER_H_
