#include "coordinator/link/team_link.h"

#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/link/host_link.h"
#include "coordinator/link/team_link_fixture.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/link_recorder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(TeamLinkTest, IsAskedForOnceAndThenTheLinkOfThatMeaning) {
  Want(*a_, recorder_);
  Want(*a_, other_);
  EXPECT_EQ(StatusOf(*a_).state(), v1::LinkStatus::CONNECTING);
  EXPECT_EQ(asked_.size(), 1u);
  Answer(std::string("one"));
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("up"));
  EXPECT_THAT(other_.WaitFor(1), ElementsAre("up"));
  EXPECT_EQ(hosts_.at("one").attempts(), 1);
  OnLoop([&] {
    EXPECT_NE(a_->life(), nullptr);
    EXPECT_TRUE(a_->was_up());
  });
}

TEST_F(TeamLinkTest, TeamsThatMeanTheSameShareALinkThatIsUpAlready) {
  OnLoop([&] { b_ = Make("b"); });
  Want(*a_, recorder_);
  Answer(std::string("one"));
  recorder_.WaitFor(1);
  Want(*b_, other_);
  OnLoop([&] { EXPECT_EQ(b_->life(), nullptr) << "what it means is not known yet"; });
  Answer(std::string("one"));
  EXPECT_THAT(other_.WaitFor(1), ElementsAre("up"));
  EXPECT_THAT(recorder_.heard(), ElementsAre("up"));
  EXPECT_EQ(hosts_.at("one").attempts(), 1);
}

TEST_F(TeamLinkTest, TeamsThatMeanOtherHostsDoNot) {
  OnLoop([&] { b_ = Make("b"); });
  Want(*a_, recorder_);
  Answer(std::string("one"));
  Want(*b_, other_);
  Answer(std::string("two"));
  recorder_.WaitFor(1);
  other_.WaitFor(1);
  OnLoop([&] { EXPECT_NE(a_->life(), b_->life()); });
}

TEST_F(TeamLinkTest, WhatNobodyCanSayNowIsAskedAgainByItself) {
  Want(*a_, recorder_);
  Answer(MakeFailure(v1::FAILURE_TIMEOUT, "DETAIL"));
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("down timeout, retries"));
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(1));
  Answer(std::string("one"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("down timeout, retries", "up"));
  EXPECT_FALSE(StatusOf(*a_).has_failure());
}

TEST_F(TeamLinkTest, WhatIsRefusedIsAskedAgainOnlyWhenSomebodyAsks) {
  Want(*a_, recorder_);
  Answer(MakeFailure(v1::FAILURE_BAD_REQUEST, "DETAIL"));
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("down bad_request"));
  EXPECT_EQ(StatusOf(*a_).state(), v1::LinkStatus::BLOCKED);
  EXPECT_EQ(StatusOf(*a_).failure().detail(), "DETAIL");
  EXPECT_THAT(asked_, IsEmpty());
  Want(*a_, recorder_);
  Answer(std::string("one"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("down bad_request", "up"));
}

TEST_F(TeamLinkTest, NobodyIsLeftWhoWaitsForAnAnswer) {
  Want(*a_, recorder_);
  OnLoop([&] { a_->RemoveObserver(&recorder_); });
  Answer(MakeFailure(v1::FAILURE_TIMEOUT, "DETAIL"));
  EXPECT_EQ(StatusOf(*a_).state(), v1::LinkStatus::DOWN) << "it does not try for nobody";
  Want(*a_, recorder_);
  OnLoop([&] { a_.reset(); });
  Answer(std::string("one"));  // For somebody who is gone.
}

TEST_F(TeamLinkTest, WhatNobodyWantsAnyMoreIsBoundToNothing) {
  Want(*a_, recorder_);
  OnLoop([&] { a_->Unwant(&recorder_); });
  Answer(std::string("one"));
  OnLoop([&] {
    EXPECT_EQ(a_->bound_to(), nullptr);
    EXPECT_THAT(links_, IsEmpty()) << "made for nobody";
  });
  EXPECT_EQ(StatusOf(*a_).state(), v1::LinkStatus::DOWN);
  Want(*a_, recorder_);
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("up"));
  EXPECT_EQ(hosts_.at("one").attempts(), 0);
}

TEST_F(TeamLinkTest, ATeamThatIsNotConfiguredAnyMoreLeavesWhenNobodyWaits) {
  BringBothUp();
  OnLoop([&] { a_->SetConfigured(false); });
  OnLoop([&] {
    EXPECT_NE(a_->bound_to(), nullptr) << "somebody waits for an answer";
    a_->SetUrgent(&recorder_, false);
    a_->SetUrgent(&recorder_, true);  // For the next one, at once.
  });
  OnLoop([&] {
    EXPECT_NE(a_->bound_to(), nullptr);
    a_->SetUrgent(&recorder_, false);
  });
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "down dropped"));
  OnLoop([&] {
    EXPECT_EQ(a_->bound_to(), nullptr);
    EXPECT_EQ(left_, 1);
    EXPECT_NE(b_->life(), nullptr) << "it is the other team's too";
  });
  EXPECT_THAT(other_.heard(), ElementsAre("up"));
  // And is configured again.
  OnLoop([&] { a_->SetConfigured(true); });
  Want(*a_, recorder_);
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(3), ElementsAre("up", "down dropped", "up"));
}

TEST_F(TeamLinkTest, WhatIsClosedEndsAlsoInTheMiddleOfAnAttempt) {
  for (const bool held : {false, true}) {
    if (held) hosts_.at("one").Hold();
    LinkRecorder recorder;
    OnLoop([&] {
      HostLink& link = *Find("one").link;
      link.AddObserver(&recorder);
      link.Want(&recorder);
    });
    if (!held) recorder.WaitFor(1);
    const absl::Time deadline = absl::Now() + kTeamLinkPatience;
    bool closed = false;
    while (!closed && absl::Now() < deadline) {
      OnLoop([&] {
        links_.at("one")->link->Close();
        closed = links_.at("one")->link->closed();
      });
      absl::SleepFor(absl::Milliseconds(5));
    }
    EXPECT_TRUE(closed);
    OnLoop([&] { links_.clear(); });
  }
}

}  // namespace
}  // namespace iris
