#include "coordinator/orchestrator/giving.h"

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(GivingTest, ANewTellIsMarkedBeforeItIsGiven) {
  Giving giving = Giving::OfNew(/*is_running=*/false);
  EXPECT_TRUE(giving.is_queued());
  EXPECT_FALSE(giving.Give());
  const uint64_t round = giving.BeginMark();
  EXPECT_FALSE(giving.is_queued());
  EXPECT_FALSE(giving.Give());
  EXPECT_TRUE(giving.OnMarked(round, /*is_stored=*/true));
  EXPECT_FALSE(giving.given());
  EXPECT_TRUE(giving.Give());
  EXPECT_TRUE(giving.given());
  EXPECT_TRUE(giving.Give());
  EXPECT_FALSE(giving.may_be_there());
}

TEST(GivingTest, WhatWasStoredAsRunningIsGivenAtOnce) {
  Giving giving = Giving::OfNew(/*is_running=*/true);
  EXPECT_FALSE(giving.is_queued());
  EXPECT_FALSE(giving.given());
  EXPECT_TRUE(giving.Give());
}

TEST(GivingTest, WhatTheStoreDoesNotTakeIsMarkedAgain) {
  Giving giving = Giving::OfNew(/*is_running=*/false);
  EXPECT_TRUE(giving.OnMarked(giving.BeginMark(), /*is_stored=*/false));
  EXPECT_TRUE(giving.is_queued());
  EXPECT_FALSE(giving.Give());
}

TEST(GivingTest, AMarkFromBeforeItWasTakenBackCountsNoMore) {
  Giving giving = Giving::OfNew(/*is_running=*/false);
  const uint64_t before = giving.BeginMark();
  giving.TakeBack();
  EXPECT_FALSE(giving.OnMarked(before, /*is_stored=*/true));
  EXPECT_FALSE(giving.Give());
  const uint64_t now = giving.BeginMark();
  EXPECT_FALSE(giving.OnMarked(before, /*is_stored=*/true));
  EXPECT_TRUE(giving.OnMarked(now, /*is_stored=*/true));
  EXPECT_TRUE(giving.Give());
}

TEST(GivingTest, WhatAnEarlierLifeLeftMayBeThereWhateverTheStoreSays) {
  EXPECT_TRUE(Giving::OfEarlierLife(/*is_running=*/true).given());
  const Giving queued = Giving::OfEarlierLife(/*is_running=*/false);
  EXPECT_FALSE(queued.given());
  EXPECT_TRUE(queued.is_queued());
  EXPECT_TRUE(queued.may_be_there());
}

TEST(GivingTest, WhatIsSentAgainIsMarkedAgain) {
  Giving giving = Giving::OfNew(/*is_running=*/true);
  ASSERT_TRUE(giving.Give());
  giving.SendAgain();
  EXPECT_FALSE(giving.given());
  EXPECT_TRUE(giving.is_queued());
  EXPECT_TRUE(giving.may_be_there());
}

}  // namespace
}  // namespace iris
