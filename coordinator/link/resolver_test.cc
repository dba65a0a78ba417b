#include "coordinator/link/resolver.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/target.h"
#include "coordinator/link/testing/fake_target.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

class ResolverTest : public ::testing::Test {
 protected:
  // `meanwhile` runs while it is asked what the target means.
  static TargetPtr Target(const std::string& destination, std::function<void()> meanwhile) {
    return FakeTarget::Make(
        destination, {.resolve = [meanwhile = std::move(meanwhile)](
                                     const FakeTarget& target) -> absl::StatusOr<ResolvedTarget> {
          meanwhile();
          return target.Itself();
        }});
  }
  LoopThread loop_;
};

TEST_F(ResolverTest, OneThatTakesItsTimeHoldsUpNobodyElse) {
  absl::Notification slow_may_end;
  absl::Notification fast_answered;
  absl::Notification slow_answered;
  std::unique_ptr<Resolver> resolver;
  loop_.loop().Post([&] {
    resolver = std::make_unique<Resolver>(loop_.loop());
    resolver->Ask(Target("slow", [&] { slow_may_end.WaitForNotification(); }),
                  [&](const auto&) { slow_answered.Notify(); });
    resolver->Ask(Target("fast", [] {}), [&](const auto&) { fast_answered.Notify(); });
  });
  EXPECT_TRUE(fast_answered.WaitForNotificationWithTimeout(kPatience));
  EXPECT_FALSE(slow_answered.HasBeenNotified());
  slow_may_end.Notify();
  EXPECT_TRUE(slow_answered.WaitForNotificationWithTimeout(kPatience));
  loop_.Run([&] { resolver.reset(); });
}

TEST_F(ResolverTest, WhatIsBeingAskedIsAskedOnce) {
  std::atomic<int> runs = 0;
  absl::Notification may_end;
  absl::Notification all;
  std::unique_ptr<Resolver> resolver;
  int answers = 0;
  loop_.loop().Post([&] {
    resolver = std::make_unique<Resolver>(loop_.loop());
    const TargetPtr target = Target("gpu", [&] {
      ++runs;
      may_end.WaitForNotification();
    });
    for (int i = 0; i < 20; ++i) {
      resolver->Ask(target, [&](const auto&) {
        if (++answers == 20) all.Notify();
      });
    }
    may_end.Notify();
  });
  EXPECT_TRUE(all.WaitForNotificationWithTimeout(kPatience));
  EXPECT_EQ(runs, 1);
  loop_.Run([&] { resolver.reset(); });
}

}  // namespace
}  // namespace iris
