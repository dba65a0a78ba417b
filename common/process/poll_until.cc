#include "common/process/poll_until.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/loop/callback_watch.h"

namespace iris {

absl::StatusOr<bool> PollUntil(absl::Span<struct pollfd> fds, absl::Time until,
                               const std::atomic<bool>* cancelled) {
  constexpr absl::Duration kLookEvery = absl::Milliseconds(100);
  while (true) {
    if (cancelled != nullptr && *cancelled) {
      return MakeFailure(v1::FAILURE_CANCELLED, "stopped while connecting");
    }
    const absl::Duration left = until - absl::Now();
    // Rounded up, so that the last stretch does not spin.
    const int wait_ms =
        left <= absl::ZeroDuration()
            ? 0
            : 1 + static_cast<int>(absl::ToInt64Milliseconds(std::min(left, kLookEvery)));
    if (wait_ms > 0) MayBlock("PollUntil");
    if (poll(fds.data(), fds.size(), wait_ms) > 0) return true;
    if (absl::Now() >= until) return false;
  }
}

}  // namespace iris
