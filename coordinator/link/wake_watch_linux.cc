#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "common/base/scoped_fd.h"
#include "coordinator/link/wake_watch.h"

namespace iris {
namespace {

constexpr absl::Duration kSleepMin = absl::Seconds(1);

absl::Duration Reading(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return absl::DurationFromTimespec(now);
}

// Of this machine since it was started: only one of the two clocks goes on in sleep.
absl::Duration Slept() { return Reading(CLOCK_BOOTTIME) - Reading(CLOCK_MONOTONIC); }

class LinuxWakeWatch final : public WakeWatch {
 public:
  LinuxWakeWatch(EventLoop& loop, std::function<void()> on_wake)
      : loop_(loop), on_wake_(std::move(on_wake)) {
    // The kernel takes a wake-up for a change of the wall clock, and a timer for one tells of
    // those.
    clock_.Reset(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC));
    // What cannot be watched is not noticed: then links wait as long as they would without.
    if (clock_ && WatchClock() && !Watch(clock_, [this](EventLoop::Ready) { OnClock(); })) {
      clock_.Reset();
    }
    network_.Reset(socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
    sockaddr_nl groups = {};
    groups.nl_family = AF_NETLINK;
    groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE;
    if (network_ &&
        bind(network_.get(), reinterpret_cast<sockaddr*>(&groups), sizeof(groups)) == 0 &&
        !Watch(network_, [this](EventLoop::Ready) { OnNetwork(); })) {
      network_.Reset();
    }
  }
  ~LinuxWakeWatch() override {
    if (clock_) loop_.Unwatch(clock_.get());
    if (network_) loop_.Unwatch(network_.get());
    if (timer_ != 0) loop_.Cancel(timer_);
  }

 private:
  bool Watch(const ScopedFd& fd, EventLoop::FdCallback callback) {
    return loop_.Watch(fd.get(), {.readable = true}, std::move(callback)).ok();
  }

  bool WatchClock() {
    itimerspec never = {};
    never.it_value.tv_sec = INT32_MAX;
    return timerfd_settime(clock_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
                           nullptr) == 0;
  }

  void OnClock() {
    uint64_t expired;
    (void)!read(clock_.get(), &expired, sizeof(expired));
    if (!WatchClock()) loop_.Unwatch(clock_.get());
    const absl::Duration slept = Slept();
    const bool woke = slept - std::exchange(slept_, slept) > kSleepMin;
    if (woke) on_wake_();
  }

  void OnNetwork() {
    char news[8192];
    bool grew = false;
    while (true) {
      const ssize_t size = recv(network_.get(), news, sizeof(news), 0);
      if (size < 0 && errno == ENOBUFS) grew = true;  // More than fit: something surely did.
      if (size < 0 && errno != ENOBUFS && errno != EINTR) break;
      grew = grew || HasNewAddressOrRoute(news, size);
    }
    if (grew && timer_ == 0) Settle();
  }

  static bool HasNewAddressOrRoute(const char* news, ssize_t size) {
    auto left = static_cast<int>(size);
    for (auto* header = reinterpret_cast<const nlmsghdr*>(news); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == RTM_NEWADDR || header->nlmsg_type == RTM_NEWROUTE) return true;
    }
    return false;
  }

  void Settle() {
    timer_ = loop_.After(kSettle, [this] {
      timer_ = loop_.After(kNotAgainFor, [this] { timer_ = 0; });
      on_wake_();
    });
  }

  EventLoop& loop_;
  const std::function<void()> on_wake_;
  ScopedFd clock_;
  ScopedFd network_;
  absl::Duration slept_ = Slept();
  EventLoop::TimerId timer_ = 0;  // Settling, or quiet.
};

}  // namespace

std::unique_ptr<WakeWatch> WakeWatch::Start(EventLoop& loop, std::function<void()> on_wake) {
  return std::make_unique<LinuxWakeWatch>(loop, std::move(on_wake));
}

}  // namespace iris
