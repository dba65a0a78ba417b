#include "common/base/age_clock.h"

#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr absl::Duration kHour = absl::Hours(1);
const absl::Time kSaved = absl::FromUnixSeconds(1'700'000'000);

TEST(AgeClockTest, CountsByTheMonotonicClockWhileItLives) {
  absl::Duration up = 5 * kHour;
  const AgeClock clock([&] { return up; }, 2 * kHour, kSaved, kSaved);
  EXPECT_EQ(clock.Age(), 2 * kHour);
  up += kHour;
  EXPECT_EQ(clock.Age(), 3 * kHour);
}

TEST(AgeClockTest, CountsWhatTheWallClockMovedForwardBetweenTwoLivesUpToADay) {
  const auto age_after = [](absl::Duration moved) {
    return AgeClock([] { return kHour; }, 2 * kHour, kSaved, kSaved + moved).Age();
  };
  EXPECT_EQ(age_after(kHour), 3 * kHour);
  EXPECT_EQ(age_after(24 * kHour), 26 * kHour);
  EXPECT_EQ(age_after(25 * kHour), 26 * kHour);
  EXPECT_EQ(age_after(-kHour), 2 * kHour);
  EXPECT_EQ(age_after(absl::InfiniteDuration()), 26 * kHour);
}

TEST(AgeClockTest, TheKernelsClockDoesNotGoBack) {
  const absl::Duration before = MonotonicNow();
  EXPECT_GT(before, absl::ZeroDuration());
  EXPECT_GE(MonotonicNow(), before);
}

}  // namespace
}  // namespace iris
