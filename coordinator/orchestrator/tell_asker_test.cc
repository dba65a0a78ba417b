#include "coordinator/orchestrator/tell_asker.h"

#include <memory>
#include <string>

#include "common/environment/environment.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

SharedEnvironment Of(const std::string& who) {
  return std::make_shared<const Environment>(Environment{{"WHO", who}});
}

TEST(TellAskerTest, ANewTellHasItsSender) {
  const TellAsker asker("way", Of("ann"));
  EXPECT_TRUE(asker.any());
  EXPECT_TRUE(asker.is_sender());
  EXPECT_EQ(asker.way(), "way");
}

TEST(TellAskerTest, WhatAnEarlierLifeTookHasNobody) {
  TellAsker asker("way");
  EXPECT_FALSE(asker.any());
  EXPECT_FALSE(asker.is_sender());
  asker.Lend(Of("bob"), /*by_sender=*/false);
  EXPECT_TRUE(asker.any());
  EXPECT_FALSE(asker.is_sender());
}

TEST(TellAskerTest, WhatDidNotServeIsGivenBack) {
  TellAsker asker("way");
  asker.Lend(Of("bob"), /*by_sender=*/false);
  asker.DidNotServe(/*login_comes=*/false);
  EXPECT_EQ(asker.environment(), nullptr);
}

TEST(TellAskerTest, WhatIsToLogInYetStaysAndSomebodyElseMayTakeItsPlace) {
  TellAsker asker("way");
  asker.Lend(Of("bob"), /*by_sender=*/false);
  asker.DidNotServe(/*login_comes=*/true);
  EXPECT_FALSE(asker.any());
  EXPECT_TRUE(IsSame(asker.environment(), Of("bob")));
  asker.Lend(Of("eve"), /*by_sender=*/false);
  EXPECT_TRUE(asker.any());
}

TEST(TellAskerTest, TheSendersStaysWhateverItServes) {
  TellAsker asker("way", Of("ann"));
  asker.DidNotServe(/*login_comes=*/false);
  EXPECT_TRUE(asker.any());
  EXPECT_TRUE(IsSame(asker.environment(), Of("ann")));
}

TEST(TellAskerTest, WhoeverAsksMeanwhileIsNextInTheirOrder) {
  TellAsker asker("way");
  asker.Lend(Of("bob"), /*by_sender=*/false);
  asker.NoteNext(Of("bob"));
  asker.NoteNext(Of("eve"));
  asker.NoteNext(Of("eve"));
  asker.NoteNext(Of("joe"));
  EXPECT_FALSE(asker.has_next());  // What is lent may serve.
  asker.DidNotServe(/*login_comes=*/false);
  ASSERT_TRUE(asker.has_next());
  EXPECT_TRUE(IsSame(asker.TakeNext(), Of("eve")));
  ASSERT_TRUE(asker.has_next());
  EXPECT_TRUE(IsSame(asker.TakeNext(), Of("joe")));
  EXPECT_FALSE(asker.has_next());
}

TEST(TellAskerTest, SoManyAreNextAtMost) {
  TellAsker asker("way");
  asker.Lend(Of("bob"), /*by_sender=*/false);
  for (size_t i = 0; i <= TellAsker::kNextMax; ++i) asker.NoteNext(Of(std::to_string(i)));
  asker.DidNotServe(/*login_comes=*/false);
  size_t next = 0;
  for (; asker.has_next(); ++next) asker.TakeNext();
  EXPECT_EQ(next, TellAsker::kNextMax);
}

}  // namespace
}  // namespace iris
