#include "coordinator/orchestrator/session_wakes.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SessionWakesTest : public ::testing::Test {
 protected:
  SessionWakes::Done Noting(const std::string& name) {
    return [this, name](const auto& result) {
      heard_.push_back(name + (result.ok() ? " is awake" : " is refused"));
    };
  }
  uint64_t Wait(const std::string& name, bool takeover = false) {
    return wakes_.Wait(Noting(name), takeover, nullptr);
  }
  static absl::Status Refusal() { return MakeFailure(v1::FAILURE_CANCELLED, "asleep"); }

  std::vector<std::string> heard_;
  SessionWakes wakes_;
};

TEST_F(SessionWakesTest, WhoWaitsGoesOnAndHearsWhenTheChildAnswers) {
  Wait("a");
  Wait("b");
  EXPECT_FALSE(wakes_.AwaitChild());
  EXPECT_FALSE(wakes_.waiting());
  EXPECT_EQ(wakes_.size(), 2u);
  Wait("c");
  wakes_.Answer(v1::WakeResponse());
  EXPECT_THAT(heard_, ElementsAre("a is awake", "b is awake"));
  EXPECT_TRUE(wakes_.waiting());
}

TEST_F(SessionWakesTest, OneThatTakesOverDoesForAllThatGoOnWithIt) {
  Wait("a", /*takeover=*/true);
  Wait("b");
  EXPECT_TRUE(wakes_.AwaitChild());
  Wait("c");
  EXPECT_FALSE(wakes_.AwaitChild());
}

TEST_F(SessionWakesTest, TheOldestGivesUpAndWithItsTakeoverWhereNobodyElseWaits) {
  const uint64_t round = Wait("a", /*takeover=*/true);
  wakes_.GiveUpOldest(round)(Refusal());
  EXPECT_THAT(heard_, ElementsAre("a is refused"));
  EXPECT_TRUE(wakes_.GiveUpOldest(round) == nullptr);
  Wait("b");
  EXPECT_FALSE(wakes_.AwaitChild());
}

TEST_F(SessionWakesTest, WhoseRoundIsOverDoesNotGiveUpForOthers) {
  const uint64_t round = Wait("a");
  wakes_.AwaitChild();
  Wait("b");
  EXPECT_TRUE(wakes_.GiveUpOldest(round) == nullptr);
  EXPECT_THAT(heard_, IsEmpty());
}

TEST_F(SessionWakesTest, WhatIsCancelledIsWhatStillWaits) {
  Wait("a");
  wakes_.AwaitChild();
  Wait("b", /*takeover=*/true);
  wakes_.CancelWaiting(Refusal());
  EXPECT_THAT(heard_, ElementsAre("b is refused"));
  EXPECT_FALSE(wakes_.AwaitChild());
  wakes_.Answer(Refusal());
  EXPECT_THAT(heard_, ElementsAre("b is refused", "a is refused"));
}

TEST_F(SessionWakesTest, TheNewestThatWaitsLendsItsEnvironment) {
  EXPECT_EQ(wakes_.environment(), nullptr);
  const auto first = std::make_shared<const Environment>();
  const auto second = std::make_shared<const Environment>();
  wakes_.Wait(Noting("a"), /*takeover=*/false, first);
  wakes_.Wait(Noting("b"), /*takeover=*/false, second);
  EXPECT_EQ(wakes_.environment(), second);
  wakes_.AwaitChild();
  EXPECT_EQ(wakes_.environment(), nullptr);
}

}  // namespace
}  // namespace iris
