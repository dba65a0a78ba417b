#include "coordinator/orchestrator/line_order.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LineOrder OfThree() {
  LineOrder order;
  order.PushBack("a");
  order.PushBack("b");
  order.PushBack("c");
  return order;
}

TEST(LineOrderTest, TellsGoInTheOrderInWhichTheyCame) {
  LineOrder order = OfThree();
  EXPECT_TRUE(order.IsFirst("a"));
  order.StartFirst();
  EXPECT_EQ(order.in_flight(), "a");
  EXPECT_TRUE(order.IsFirst("b"));
  EXPECT_EQ(order.size(), 3u);
  order.End("b");  // It is not in flight.
  EXPECT_TRUE(order.is_busy());
  order.End("a");
  EXPECT_FALSE(order.is_busy());
  order.StartFirst();
  EXPECT_EQ(order.in_flight(), "b");
}

TEST(LineOrderTest, WhatIsTakenBackIsTheFirstAgain) {
  LineOrder order = OfThree();
  order.StartFirst();
  order.TakeBack();
  EXPECT_FALSE(order.is_busy());
  EXPECT_THAT(order.waiting(), ElementsAre("a", "b", "c"));
}

TEST(LineOrderTest, AheadOfOneThatWaitsAreAllBeforeIt) {
  LineOrder order = OfThree();
  EXPECT_THAT(order.AheadOf("c"), ElementsAre("a", "b"));
  order.StartFirst();
  EXPECT_THAT(order.AheadOf("c"), ElementsAre("a", "b"));
  EXPECT_THAT(order.AheadOf("a"), IsEmpty());
  EXPECT_THAT(order.AheadOf("x"), IsEmpty());
}

TEST(LineOrderTest, WhatIsRemovedLeavesTheOthersInOrder) {
  LineOrder order = OfThree();
  order.Remove("b");
  order.Remove("x");
  EXPECT_THAT(order.waiting(), ElementsAre("a", "c"));
  EXPECT_THAT(order.TakeWaiting(), ElementsAre("a", "c"));
  EXPECT_FALSE(order.any_waits());
}

TEST(LineOrderDeathTest, TwoAreNeverInFlight) {
  LineOrder order = OfThree();
  order.StartFirst();
  EXPECT_DEATH(order.StartFirst(), "this cannot be");
  EXPECT_DEATH(order.GoOnWith("x"), "this cannot be");
}

}  // namespace
}  // namespace iris
