#ifndef IRIS_COMMON_PROCESS_POLL_UNTIL_H_
#define IRIS_COMMON_PROCESS_POLL_UNTIL_H_

#include <poll.h>

#include <atomic>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace iris {

// poll(2) with a deadline and a flag: true when one of `fds` is ready (their revents are set),
// false at `until`, which may be past: then it looks once. FAILURE_CANCELLED within 100 ms of
// `*cancelled`, which may be null.
absl::StatusOr<bool> PollUntil(absl::Span<struct pollfd> fds, absl::Time until,
                               const std::atomic<bool>* cancelled);

}  // namespace iris

#endif  // IRIS_COMMON_PROCESS_POLL_UNTIL_H_
