#ifndef IRIS_COMMON_BASE_AGE_CLOCK_H_
#define IRIS_COMMON_BASE_AGE_CLOCK_H_

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/time/time.h"

namespace iris {

// How much time has passed since something was first kept, by a clock that nobody can set. What is
// kept for a week must not go because the wall clock was wrong for a minute.
//
//   a life of the daemon        counts by the monotonic clock
//   between two lives           counts by how far the wall clock moved: never backwards, and at
//                               most `away_max`, so that a jump costs no more than that
//
// Too little may be counted, and things stay longer. Not thread-safe.
class AgeClock {
 public:
  static constexpr absl::Duration kAwayMax = absl::Hours(24);

  using Monotonic = std::function<absl::Duration()>;  // Since any moment; never goes back.

  AgeClock() = default;
  // `age` is what was saved last, at `saved_at` by the wall clock, which says `now` now.
  AgeClock(Monotonic monotonic, absl::Duration age, absl::Time saved_at, absl::Time now,
           absl::Duration away_max = kAwayMax)
      : monotonic_(std::move(monotonic)),
        began_(monotonic_()),
        age_then_(age + std::clamp(now - saved_at, absl::ZeroDuration(), away_max)) {}

  absl::Duration Age() const { return age_then_ + (monotonic_() - began_); }

 private:
  Monotonic monotonic_;
  absl::Duration began_;
  absl::Duration age_then_;
};

// The kernel's clock that nobody can set; it stands still while the machine sleeps.
absl::Duration MonotonicNow();

}  // namespace iris

#endif  // IRIS_COMMON_BASE_AGE_CLOCK_H_
