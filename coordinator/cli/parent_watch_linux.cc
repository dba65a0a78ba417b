#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/process/thread.h"
#include "coordinator/cli/parent_watch.h"

namespace iris {
namespace {

constexpr int kLookEveryMs = 1000;

void LeaveWhenGone(pid_t parent, int parent_fd, int stop_fd) {
  while (getppid() == parent) {
    pollfd ends[] = {{.fd = stop_fd, .events = POLLIN, .revents = 0},
                     {.fd = parent_fd, .events = POLLIN, .revents = 0}};
    // Without a descriptor of the parent (an old kernel) we look by ourselves.
    const int ready = poll(ends, 2, parent_fd < 0 ? kLookEveryMs : -1);
    if (ready < 0 && errno != EINTR) return;
    if (ready > 0 && ends[0].revents != 0) return;
    if (ready > 0 && ends[1].revents != 0) break;
  }
  _exit(0);
}

}  // namespace

// Not PR_SET_PDEATHSIG: that is sent when the thread ends that started us.
ParentWatch::ParentWatch() : stop_(eventfd(0, EFD_CLOEXEC)) {
  const pid_t parent = getppid();
  parent_.Reset(static_cast<int>(syscall(SYS_pidfd_open, parent, 0)));
  absl::StatusOr<std::thread> thread =
      StartThread("watches the parent", [parent, parent_fd = parent_.get(), stop = stop_.get()] {
        LeaveWhenGone(parent, parent_fd, stop);
      });
  if (thread.ok()) thread_ = *std::move(thread);
}

ParentWatch::~ParentWatch() {
  eventfd_write(stop_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

}  // namespace iris
