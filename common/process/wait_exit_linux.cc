#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/time/clock.h"
#include "common/base/scoped_fd.h"
#include "common/loop/callback_watch.h"
#include "common/process/wait_exit.h"

namespace iris {

bool WaitForExit(pid_t pid, absl::Time deadline) {
  const ScopedFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return errno == ESRCH;
  while (true) {
    const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
    if (left > absl::ZeroDuration()) MayBlock("WaitForExit");
    pollfd ended = {.fd = process.get(), .events = POLLIN, .revents = 0};
    const int ready = poll(
        &ended, 1, static_cast<int>(absl::ToInt64Milliseconds(std::min(left, absl::Hours(1)))));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace iris
