#include "common/process/child_exit.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "absl/time/clock.h"

namespace iris {
namespace {

// No portable call waits for a child with a deadline, so this looks again and again.
constexpr int kLookEveryMs = 5;

int ExitCodeOf(const siginfo_t& info) {
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

}  // namespace

absl::optional<int> WaitForChild(pid_t pid, absl::Time deadline) {
  while (true) {
    siginfo_t info = {};
    // WNOWAIT: the pid stays taken, so that a signal can never hit a stranger.
    if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid) {
      return ExitCodeOf(info);
    }
    if (absl::Now() >= deadline) return absl::nullopt;
    poll(nullptr, 0, kLookEveryMs);
  }
}

int EndChild(pid_t pid, absl::Duration grace) {
  kill(pid, SIGTERM);
  WaitForChild(pid, absl::Now() + grace);
  kill(-pid, SIGKILL);
  siginfo_t info = {};
  waitid(P_PID, pid, &info, WEXITED);
  return ExitCodeOf(info);
}

}  // namespace iris
