#include "coordinator/store/sqlite/known_tells.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class KnownTellsTest : public ::testing::Test {
 protected:
  int64_t Open() {
    const int64_t number = tells_.NextNumber();
    EXPECT_TRUE(tells_.Add({.number = number, .id = absl::StrCat("id ", number)}));
    return number;
  }
  int64_t Settled(int64_t bytes = 1) {
    const int64_t number = Open();
    tells_.Settle(number, bytes, /*age_ms=*/0);
    return number;
  }
  int64_t Fetched(int64_t bytes = 1) {
    const int64_t number = Settled(bytes);
    tells_.MarkFetched(number);
    return number;
  }

  KnownTells tells_;
};

TEST_F(KnownTellsTest, ATellIsFoundByItsIdUntilItIsForgotten) {
  const int64_t number = Open();
  ASSERT_NE(tells_.Find("id 1"), nullptr);
  EXPECT_EQ(tells_.Find("id 1")->number, number);
  EXPECT_EQ(tells_.Find("id 2"), nullptr);
  tells_.Settle(number, 1, 0);
  tells_.Forget(number);
  EXPECT_EQ(tells_.Find("id 1"), nullptr);
  EXPECT_THAT(tells_.open(), IsEmpty());
}

TEST_F(KnownTellsTest, NumbersAndPlacesGoOnBehindWhatTheFileHas) {
  ASSERT_TRUE(tells_.Add({.number = 7, .id = "a", .settled_seq = 12, .bytes = 5}));
  ASSERT_TRUE(tells_.Add({.number = 3, .id = "b"}));
  EXPECT_EQ(tells_.NextNumber(), 8);
  tells_.Settle(3, 1, 0);
  EXPECT_EQ(tells_.At(3).settled_seq, 13);
  EXPECT_EQ(tells_.NextSeq(), 14);
}

TEST_F(KnownTellsTest, NoTwoHaveOneNumberOrIdOrPlace) {
  ASSERT_TRUE(tells_.Add({.number = 1, .id = "a", .settled_seq = 1}));
  EXPECT_FALSE(tells_.Add({.number = 1, .id = "b"}));
  EXPECT_FALSE(tells_.Add({.number = 2, .id = "a"}));
  EXPECT_FALSE(tells_.Add({.number = 2, .id = "b", .settled_seq = 1, .fetched = true}));
  EXPECT_TRUE(tells_.Add({.number = 2, .id = "b", .settled_seq = 2}));
  EXPECT_EQ(tells_.kept(), 2u);
}

TEST_F(KnownTellsTest, TheOrderOfSettlingCountsAndNotThatOfAcceptance) {
  const int64_t a = Open(), b = Open();
  EXPECT_THAT(tells_.open(), ElementsAre(a, b));
  EXPECT_EQ(tells_.FirstKept(), 0);
  tells_.Settle(b, 1, 0);
  tells_.Settle(a, 1, 0);
  EXPECT_THAT(tells_.open(), IsEmpty());
  EXPECT_EQ(tells_.FirstKept(), b);
  EXPECT_EQ(tells_.FirstFetched(), 0);
  tells_.MarkFetched(a);
  EXPECT_EQ(tells_.FirstKept(), b);
  EXPECT_EQ(tells_.FirstFetched(), a);
  tells_.MarkFetched(b);
  EXPECT_EQ(tells_.FirstFetched(), b);
}

TEST_F(KnownTellsTest, WhatIsKeptIsCountedUntilItIsDroppedOrForgotten) {
  const int64_t fetched = Fetched(10), unfetched = Settled(20);
  Open();
  EXPECT_EQ(tells_.kept(), 2u);
  EXPECT_EQ(tells_.kept_bytes(), 30);
  tells_.Drop(unfetched);
  EXPECT_EQ(tells_.kept(), 1u);
  EXPECT_EQ(tells_.kept_bytes(), 10);
  EXPECT_THAT(tells_.unfetched(), IsEmpty());
  EXPECT_THAT(tells_.dropped(), ElementsAre(Pair(2, unfetched)));
  tells_.MarkFetched(unfetched);  // Somebody was told that it is gone.
  EXPECT_EQ(tells_.kept(), 1u);
  tells_.Forget(fetched);
  tells_.Forget(unfetched);
  EXPECT_EQ(tells_.kept(), 0u);
  EXPECT_EQ(tells_.kept_bytes(), 0);
  EXPECT_THAT(tells_.dropped(), IsEmpty());
}

TEST_F(KnownTellsTest, WhatIsFetchedTwiceIsFetched) {
  const int64_t number = Fetched();
  tells_.MarkFetched(number);
  EXPECT_EQ(tells_.FirstFetched(), number);
  EXPECT_EQ(tells_.kept(), 1u);
}

TEST(KnownTellsDeathTest, NothingIsSettledTwice) {
  KnownTells tells;
  ASSERT_TRUE(tells.Add({.number = 1, .id = "a"}));
  tells.Settle(1, 1, 0);
  EXPECT_DEATH(tells.Settle(1, 1, 0), "settled twice");
}

}  // namespace
}  // namespace iris
