#include "coordinator/orchestrator/limit_wait.h"

#include <set>
#include <string>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/ids.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'795'000'000);

v1::RateLimit Limit(absl::Time resets_at) {
  v1::RateLimit limit;
  if (resets_at != absl::InfinitePast()) limit.set_resets_at_ms(absl::ToUnixMillis(resets_at));
  limit.set_nothing_ran(true);
  return limit;
}

// From now on; nothing = not at all.
absl::optional<absl::Duration> Wait(const v1::RateLimit& limit, int waits = 0,
                                    absl::Duration age = absl::ZeroDuration()) {
  const absl::optional<absl::Time> when =
      WhenToSendAgain(limit, waits, kNow - age, kNow, LimitWaits());
  if (!when.has_value()) return absl::nullopt;
  return *when - kNow;
}

TEST(LimitWaitTest, UntilAMomentAfterTheReset) {
  EXPECT_EQ(Wait(Limit(kNow + absl::Hours(3))), absl::Hours(3) + absl::Seconds(5));
  EXPECT_EQ(Wait(Limit(kNow + absl::Hours(3)), 99), absl::Hours(3) + absl::Seconds(5));
}

TEST(LimitWaitTest, WithoutATimeTwiceAsLongEachTimeUpToAnHour) {
  for (const absl::Time past : {absl::InfinitePast(), kNow - absl::Hours(1)}) {
    EXPECT_EQ(Wait(Limit(past), 0), absl::Minutes(5));
    EXPECT_EQ(Wait(Limit(past), 1), absl::Minutes(10));
    EXPECT_EQ(Wait(Limit(past), 3), absl::Minutes(40));
    EXPECT_EQ(Wait(Limit(past), 4), absl::Hours(1));
    EXPECT_EQ(Wait(Limit(past), 199), absl::Hours(1));
  }
}

TEST(LimitWaitTest, NeverWhereSomethingRan) {
  v1::RateLimit limit = Limit(kNow + absl::Hours(1));
  limit.set_nothing_ran(false);
  EXPECT_EQ(Wait(limit), absl::nullopt);
}

TEST(LimitWaitTest, EightDaysInAll) {
  EXPECT_EQ(Wait(Limit(kNow + absl::Hours(9 * 24))), absl::nullopt);
  EXPECT_NE(Wait(Limit(absl::InfinitePast()), 100, absl::Hours(8 * 24 - 1)), absl::nullopt);
  EXPECT_EQ(Wait(Limit(absl::InfinitePast()), 100, absl::Hours(8 * 24)), absl::nullopt);
}

TEST(LimitWaitTest, TwoHundredTimesAtMost) {
  EXPECT_NE(Wait(Limit(kNow + absl::Seconds(1)), 199), absl::nullopt);
  EXPECT_EQ(Wait(Limit(kNow + absl::Seconds(1)), 200), absl::nullopt);
}

TEST(LimitWaitTest, EachAttemptHasAnIdOfItsOwnThatCanBeFoundAgain) {
  const std::string id = NewUuid();
  EXPECT_EQ(IdOnHost(id, 0), id);
  std::set<std::string> ids;
  for (int waits = 0; waits <= LimitWaits().most; ++waits) {
    EXPECT_TRUE(IsUuid(IdOnHost(id, waits))) << IdOnHost(id, waits);
    EXPECT_EQ(IdOnHost(id, waits), IdOnHost(id, waits));
    ids.insert(IdOnHost(id, waits));
    ids.insert(IdOnHost(NewUuid(), waits));
  }
  EXPECT_EQ(ids.size(), 2u * (LimitWaits().most + 1));
}

TEST(LimitWaitTest, PeopleSeeUntilWhen) {
  EXPECT_THAT(LimitProgress(absl::FromUnixSeconds(1'795'997'982)).text(),
              HasSubstr("sent again at 2026-11-30T00:19:42Z"));
}

}  // namespace
}  // namespace iris
