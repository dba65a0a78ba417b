#include "coordinator/cli/timeout.h"

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(TimeoutTest, PeopleWriteDurations) {
  EXPECT_EQ(ParseTimeout("5m"), 300'000);
  EXPECT_EQ(ParseTimeout("1h30m"), 5'400'000);
  EXPECT_EQ(ParseTimeout("90s"), 90'000);
  EXPECT_EQ(ParseTimeout("500ms"), 500);
  EXPECT_EQ(ParseTimeout("1d2h3m4s5ms"), 93'784'005);
}

TEST(TimeoutTest, ABareNumberIsMilliseconds) {
  EXPECT_EQ(ParseTimeout("2000"), 2000);
  EXPECT_EQ(ParseTimeout("0"), 0);
  EXPECT_EQ(ParseTimeout("-1"), -1);
}

TEST(TimeoutTest, ThirtyDaysAreTheMost) {
  EXPECT_EQ(ParseTimeout("30d"), 2'592'000'000);
  EXPECT_EQ(ParseTimeout("2592000000"), 2'592'000'000);
  EXPECT_FALSE(ParseTimeout("2592000001").has_value());
  EXPECT_FALSE(ParseTimeout("30d1ms").has_value());
  EXPECT_FALSE(ParseTimeout("9223372036854775807d").has_value());
}

TEST(TimeoutTest, WhatIsNoDurationIsNone) {
  for (const char* text :
       {"", "soon", "-2", "5x", "5 m", "m5", "5m3", "1.5h", "-5m", "99999999999999999999s", "mm"}) {
    EXPECT_FALSE(ParseTimeout(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace iris
