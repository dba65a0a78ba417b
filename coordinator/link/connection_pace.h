#ifndef IRIS_COORDINATOR_LINK_CONNECTION_PACE_H_
#define IRIS_COORDINATOR_LINK_CONNECTION_PACE_H_

#include <array>
#include <cstddef>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace iris {

// How fast new connections to hosts may follow each other, whichever hosts they are for: firewalls
// take many at once for an attack, and a jump host has them all. Three may start at once, and three
// in any second. Thread-safe.
class ConnectionPace {
 public:
  static constexpr size_t kMost = 3;
  static constexpr absl::Duration kWithin = absl::Seconds(1);

  // Of a clock that never jumps, with any beginning.
  using Now = std::function<absl::Duration()>;
  explicit ConnectionPace(Now now = SinceSomeTime) : now_(std::move(now)) {}

  // Takes the next place, which is gone then, and returns how long it is until a connection may
  // start there: in the order of the calls, zero where it may start now.
  absl::Duration Take();

 private:
  static absl::Duration SinceSomeTime();

  const Now now_;
  absl::Mutex mutex_;
  // When the last ones may start, or have; `oldest_` is the first of them.
  std::array<absl::Duration, kMost> starts_ ABSL_GUARDED_BY(mutex_);
  size_t oldest_ ABSL_GUARDED_BY(mutex_) = 0;
  bool any_ ABSL_GUARDED_BY(mutex_) = false;  // One was taken.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_CONNECTION_PACE_H_
