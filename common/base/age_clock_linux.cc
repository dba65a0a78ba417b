#include <time.h>

#include "common/base/age_clock.h"

namespace iris {

absl::Duration MonotonicNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace iris
