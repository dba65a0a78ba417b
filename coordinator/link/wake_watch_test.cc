#include "coordinator/link/wake_watch.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/synchronization/notification.h"
#include "common/base/scoped_fd.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

bool BringLoopbackUp() {
  const ScopedFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  return ioctl(any.get(), SIOCSIFFLAGS, &request) == 0;
}

TEST(WakeWatchTest, ANewAddressIsNoticed) {
  absl::Notification noticed, started, gone;
  std::unique_ptr<WakeWatch> watch;
  {
    LoopThread loop;
    loop.loop().Post([&] {
      // Of the loop's thread. For root, as tests/run.sh is.
      EXPECT_EQ(unshare(CLONE_NEWNET), 0) << strerror(errno);
      watch = WakeWatch::Start(loop.loop(), [&] {
        if (!noticed.HasBeenNotified()) noticed.Notify();
      });
      EXPECT_TRUE(BringLoopbackUp());
      started.Notify();
    });
    started.WaitForNotification();
    EXPECT_TRUE(noticed.WaitForNotificationWithTimeout(kPatience));
    loop.loop().Post([&] {
      watch.reset();
      gone.Notify();
    });
    gone.WaitForNotification();
  }
}

}  // namespace
}  // namespace iris
