#include "common/endpoint/wait.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "absl/time/clock.h"
#include "common/loop/callback_watch.h"

namespace iris {

bool WaitReadable(int fd, absl::Time deadline) {
  constexpr absl::Duration kOnePollMax = absl::Hours(1);  // poll() takes an int of milliseconds.
  while (true) {
    const absl::Duration left =
        std::clamp(deadline - absl::Now(), absl::ZeroDuration(), kOnePollMax);
    if (left > absl::ZeroDuration()) MayBlock("WaitReadable");
    pollfd waited = {.fd = fd, .events = POLLIN, .revents = 0};
    const int ready =
        poll(&waited, 1,
             static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)))));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // The read that follows says what is wrong.
    if (left == absl::ZeroDuration()) return false;
  }
}

}  // namespace iris
