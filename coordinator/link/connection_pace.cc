#include "coordinator/link/connection_pace.h"

#include <algorithm>
#include <chrono>

namespace iris {

absl::Duration ConnectionPace::SinceSomeTime() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

absl::Duration ConnectionPace::Take() {
  absl::MutexLock lock(&mutex_);
  const absl::Duration now = now_();
  if (!any_) starts_.fill(now - kWithin);
  any_ = true;
  const absl::Duration start = std::max(now, starts_[oldest_] + kWithin);
  starts_[oldest_] = start;
  oldest_ = (oldest_ + 1) % kMost;
  return start - now;
}

}  // namespace iris
