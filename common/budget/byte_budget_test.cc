#include "common/budget/byte_budget.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace iris {
namespace {

const absl::Duration kSoon = ByteBudget::kPatience - absl::Seconds(1);

class ByteBudgetTest : public ::testing::Test {
 protected:
  using Holder = ByteBudget::Holder;

  // Asks; what is heard of room later stands in `heard`.
  bool Asks(Holder& holder, const std::string& name) {
    return holder.MayTakeMore([this, name] { heard += name; });
  }
  void Pass(absl::Duration time) {
    now_ += time;
    while (loop_.RunReady()) {
    }
  }

  EventLoop& loop() { return loop_; }

  std::string heard;

 private:
  absl::Duration now_;
  EventLoop loop_{[this] { return now_; }};

 protected:
  ByteBudget budget{loop_, 100};
  Holder a{budget}, b{budget}, c{budget};
};

TEST_F(ByteBudgetTest, WhileThereIsRoomEverybodyGetsOn) {
  a.Set(40);
  b.Set(59);
  EXPECT_TRUE(Asks(a, "a"));
  EXPECT_TRUE(Asks(b, "b"));
  EXPECT_EQ(budget.held(), 99u);
}

TEST_F(ByteBudgetTest, OneAloneAlwaysGetsOn) {
  a.Set(1000);
  EXPECT_TRUE(Asks(a, "a"));
  a.Set(2000);
  EXPECT_TRUE(Asks(a, "a"));
}

TEST_F(ByteBudgetTest, BeyondItOneGetsOnAndTheOthersWait) {
  a.Set(50);
  b.Set(50);
  c.Set(50);
  EXPECT_TRUE(Asks(b, "b"));
  EXPECT_FALSE(Asks(a, "a"));
  EXPECT_FALSE(Asks(c, "c"));
  EXPECT_TRUE(Asks(b, "b"));
  Pass(kSoon);
  EXPECT_EQ(heard, "");

  b.Set(0);  // 100: still full.
  Pass(absl::ZeroDuration());
  EXPECT_EQ(heard, "a");
  EXPECT_TRUE(Asks(a, "a"));
  EXPECT_FALSE(Asks(c, "c"));

  a.Set(49);
  Pass(absl::ZeroDuration());
  EXPECT_EQ(heard, "ac");
  EXPECT_TRUE(Asks(a, "a"));
  EXPECT_TRUE(Asks(c, "c"));
}

TEST_F(ByteBudgetTest, WhoHoldsNothingMayAlwaysBegin) {
  a.Set(200);
  EXPECT_TRUE(Asks(a, "a"));
  EXPECT_TRUE(Asks(b, "b"));
  b.Set(1);
  EXPECT_FALSE(Asks(b, "b"));
}

TEST_F(ByteBudgetTest, ALumpWaitsUntilAllOfItHasRoom) {
  const auto ask = [&](Holder& holder, size_t lump) {
    return holder.MayTakeMore([&] { heard += "!"; }, lump);
  };
  a.Set(60);
  EXPECT_TRUE(ask(b, 40));
  EXPECT_TRUE(ask(b, 41));  // Nobody else waits: one gets on.
  EXPECT_FALSE(ask(c, 41));
  a.Set(0);
  Pass(absl::ZeroDuration());
  EXPECT_EQ(heard, "!");
  EXPECT_TRUE(ask(c, 41));
}

TEST_F(ByteBudgetTest, LumpsThatDoNotFitGetOnOneAfterTheOther) {
  const auto ask = [&](Holder& holder, const std::string& name) {
    return holder.MayTakeMore([&heard = heard, name] { heard += name; }, 50);
  };
  Holder d{budget};
  c.Set(60);  // It stays as it is.
  ASSERT_TRUE(ask(d, "d"));
  d.Set(50);
  ASSERT_FALSE(ask(a, "a"));
  ASSERT_FALSE(ask(b, "b"));
  d.Set(0);
  Pass(absl::ZeroDuration());
  ASSERT_EQ(heard, "a");
  ASSERT_TRUE(ask(a, "a"));
  a.Set(50);
  Pass(kSoon);
  EXPECT_EQ(heard, "a");
  a.Set(0);
  Pass(absl::ZeroDuration());
  EXPECT_EQ(heard, "ab");
}

TEST_F(ByteBudgetTest, BehindALumpThatDoesNotFitOthersGetOn) {
  a.Set(100);
  ASSERT_TRUE(Asks(a, "a"));
  ASSERT_FALSE(b.MayTakeMore([this] { heard += "b"; }, 90));
  c.Set(1);
  ASSERT_FALSE(Asks(c, "c"));
  a.Set(50);
  Pass(absl::ZeroDuration());
  EXPECT_EQ(heard, "bc");
}

TEST_F(ByteBudgetTest, WhoGetsOnForLongLetsTheOthersOn) {
  a.Set(60);
  b.Set(60);
  ASSERT_TRUE(Asks(a, "a"));
  ASSERT_FALSE(Asks(b, "b"));
  for (absl::Duration time; time + kSoon < ByteBudget::kTurn; time += kSoon) {
    Pass(kSoon);
    ASSERT_TRUE(Asks(a, "a"));
  }
  EXPECT_EQ(heard, "");
  Pass(kSoon);
  EXPECT_FALSE(Asks(a, "a"));
  Pass(absl::ZeroDuration());
  EXPECT_EQ(heard, "b");
  EXPECT_TRUE(Asks(b, "b"));
}

TEST_F(ByteBudgetTest, WhoGetsOnForLongGoesOnWhereNobodyWaits) {
  a.Set(110);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Asks(a, "a"));
    Pass(kSoon);
  }
}

TEST_F(ByteBudgetTest, WhatIsSmallWaitsForNobody) {
  ByteBudget large(loop(), 1'000'000);
  Holder full(large), small(large);
  full.Set(2'000'000);
  ASSERT_TRUE(Asks(full, "full"));
  small.Set(1000);
  EXPECT_TRUE(Asks(small, "small"));
  small.Set(1001);
  EXPECT_FALSE(Asks(small, "small"));
}

TEST_F(ByteBudgetTest, OneThatWasToGetOnAndGoesIsNotWaitedFor) {
  auto gone = std::make_unique<Holder>(budget);
  a.Set(110);
  ASSERT_TRUE(gone->MayTakeMore([] {}, 50));  // It is to get on, and holds nothing yet.
  ASSERT_FALSE(Asks(a, "a"));
  gone.reset();
  Pass(absl::ZeroDuration());
  EXPECT_EQ(heard, "a");
}

TEST_F(ByteBudgetTest, WhoDoesNotGoOnIsNotWaitedFor) {
  a.Set(60);
  b.Set(60);
  ASSERT_TRUE(Asks(a, "a"));
  ASSERT_FALSE(Asks(b, "b"));
  Pass(kSoon);
  ASSERT_TRUE(Asks(a, "a"));  // It goes on.
  Pass(kSoon);
  EXPECT_EQ(heard, "");
  Pass(absl::Seconds(2));
  EXPECT_EQ(heard, "b");
  EXPECT_TRUE(Asks(b, "b"));
  EXPECT_FALSE(Asks(a, "a"));
}

TEST_F(ByteBudgetTest, AHolderThatGoesMakesRoomAndHearsNothing) {
  auto gone = std::make_unique<Holder>(budget);
  a.Set(60);
  gone->Set(60);
  ASSERT_TRUE(Asks(*gone, "gone"));
  ASSERT_FALSE(Asks(a, "a"));
  gone.reset();
  auto waiting = std::make_unique<Holder>(budget);
  b.Set(60);
  waiting->Set(1);
  EXPECT_FALSE(Asks(*waiting, "waiting"));
  waiting.reset();
  Pass(absl::ZeroDuration());
  EXPECT_EQ(heard, "a");
  EXPECT_EQ(budget.held(), 120u);
}

}  // namespace
}  // namespace iris
