#include "coordinator/link/wake_watch.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

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
  bool own_network = false;
  std::unique_ptr<WakeWatch> watch;
  {
    LoopThread loop;
    loop.loop().Post([&] {
      own_network = unshare(CLONE_NEWNET) == 0;  // Of the loop's thread.
      watch = WakeWatch::Start(loop.loop(), [&] {
        if (!noticed.HasBeenNotified()) noticed.Notify();
      });
      if (own_network) {
        EXPECT_TRUE(BringLoopbackUp());
      }
      started.Notify();
    });
    started.WaitForNotification();
    if (own_network) {
      EXPECT_TRUE(noticed.WaitForNotificationWithTimeout(kPatience));
    }
    loop.loop().Post([&] {
      watch.reset();
      gone.Notify();
    });
    gone.WaitForNotification();
  }
  // Whoever may make a network must have made one: as root, as tests/run.sh is, nothing is skipped.
  ASSERT_TRUE(own_network || geteuid() != 0);
  if (!own_network) GTEST_SKIP() << "a network of its own needs root";
}

}  // namespace
}  // namespace iris
