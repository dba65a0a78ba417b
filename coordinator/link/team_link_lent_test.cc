// Teams whose environments, or whose configurations, lead elsewhere than before.

#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/link/team_link.h"
#include "coordinator/link/team_link_fixture.h"
#include "coordinator/link/testing/fake_host.h"
#include "coordinator/link/testing/link_recorder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(TeamLinkTest, AMeaningThatChangesTakesEveryTeamAlongThatItIsTheMeaningOf) {
  BringBothUp();
  Move("one");
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(2)) << "each asks with what it was lent";
  Answer(std::string("two"));
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "up"));
  EXPECT_THAT(other_.WaitFor(2), ElementsAre("up", "up"));
  OnLoop([&] {
    EXPECT_EQ(a_->bound_to(), links_.at("two").get());
    EXPECT_EQ(b_->bound_to(), links_.at("two").get());
    EXPECT_EQ(left_, 2);
  });
  EXPECT_EQ(hosts_.at("two").attempts(), 1);
}

TEST_F(TeamLinkTest, WhatOneTeamsEnvironmentChangesIsNotTheOthersMeaning) {
  BringBothUp();
  Move("one");
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(2));
  MoveBack("one");
  Answer(std::string("two"));
  Answer(std::string("one"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "up"));
  EXPECT_THAT(other_.WaitFor(2), ElementsAre("up", "up"));
  std::set<const SharedLink*> links;
  OnLoop([&] { links = {a_->bound_to(), b_->bound_to()}; });
  EXPECT_EQ(links.size(), 2u) << "both went where one of them leads";
}

TEST_F(TeamLinkTest, AMeaningThatIsAnotherOneEveryTimeIsNotAskedWithoutEnd) {
  waits_ = {.first = absl::Hours(1), .longest = absl::Hours(1)};
  OnLoop([&] { a_ = Make("a"); });
  Want(*a_, recorder_);
  Answer(std::string("one"));
  recorder_.WaitFor(1);
  Move("one");
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(1));
  Answer(std::string("one"));  // Whose attempt finds another meaning again.
  const absl::Time deadline = absl::Now() + kTeamLinkPatience;
  while (StatusOf(*a_).retry_in_ms() == 0 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_NE(StatusOf(*a_).retry_in_ms(), 0);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(TeamLinkTest, WhoeverIsLentAnotherEnvironmentAsksAloneWhatThatMeans) {
  Lend(*a_, "/dev");
  hosts_.at("one").AnswerWith(MakeFailure(v1::FAILURE_BAD_REQUEST, "DETAIL"));
  OnLoop([&] { b_ = Make("b"); });
  Lend(*b_, "/dev-too");
  Want(*a_, recorder_);
  Answer(std::string("one"));
  Want(*b_, other_);
  Answer(std::string("one"));
  recorder_.WaitFor(1);
  other_.WaitFor(1);
  EXPECT_EQ(KeysOf("one"), "/dev-too");

  Lend(*a_, "/dev");
  EXPECT_THAT(asked_, IsEmpty()) << "it is what was lent before";
  Lend(*a_, "/prod");
  ASSERT_NO_FATAL_FAILURE(WaitForQuestions(1));
  EXPECT_EQ(KeysOf("one"), "/dev-too") << "what it means is not known yet";
  OnLoop([&] { EXPECT_EQ(a_->bound_to(), links_.at("one").get()) << "it may be the same"; });
  Answer(std::string("two"));
  OnLoop([&] {
    EXPECT_EQ(a_->bound_to(), links_.at("two").get());
    EXPECT_EQ(b_->bound_to(), links_.at("one").get());
  });
  EXPECT_EQ(KeysOf("one"), "/dev-too");
  EXPECT_EQ(KeysOf("two"), "/prod");
}

TEST_F(TeamLinkTest, AlsoALinkThatIsUpServesNobodyWhoseEnvironmentHasNotLedThere) {
  BringBothUp();
  const std::shared_ptr<LinkLife> one = LifeOf(*a_);
  Lend(*a_, "/prod");
  EXPECT_EQ(asked_.size(), 1u);
  EXPECT_EQ(LifeOf(*a_), nullptr) << "where that leads is not known yet";
  EXPECT_EQ(LifeOf(*b_), one) << "who hears nothing of it";
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "up"));
  EXPECT_NE(LifeOf(*a_), one);
  EXPECT_EQ(LifeOf(*b_), one);
  EXPECT_THAT(other_.heard(), ElementsAre("up"));
  EXPECT_EQ(KeysOf("one"), "");
  EXPECT_EQ(KeysOf("two"), "/prod");
}

TEST_F(TeamLinkTest, WhereItLeadsToTheSameLinkThatGoesOnAsItIs) {
  BringBothUp();
  const std::shared_ptr<LinkLife> one = LifeOf(*a_);
  Lend(*a_, "/another-window");
  Answer(std::string("one"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "up"));
  EXPECT_EQ(LifeOf(*a_), one);
  EXPECT_EQ(hosts_.at("one").attempts(), 1);
  EXPECT_EQ(KeysOf("one"), "/another-window");
}

TEST_F(TeamLinkTest, WhereItLeadsNowhereThatIsSaidAndTheLinkIsNotUsed) {
  BringBothUp();
  Lend(*a_, "/broken");
  Answer(MakeFailure(v1::FAILURE_BAD_REQUEST, "DETAIL"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "down bad_request"));
  EXPECT_EQ(LifeOf(*a_), nullptr);
  EXPECT_THAT(other_.heard(), ElementsAre("up"));
}

TEST_F(TeamLinkTest, WhatIsLentWhileNobodyWantsItIsAskedWhenSomebodyDoes) {
  BringBothUp();
  OnLoop([&] { a_->Unwant(&recorder_); });
  Lend(*a_, "/prod");
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_EQ(LifeOf(*a_), nullptr);
  Want(*a_, recorder_);
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "up"));
  EXPECT_EQ(KeysOf("two"), "/prod");
}

TEST_F(TeamLinkTest, TheAnswerForOneIsNotTakenForAnother) {
  Lend(*a_, "/dev");
  Want(*a_, recorder_);
  for (const char* keys : {"/prod", "/another"}) {
    Lend(*a_, keys);
    Answer(std::string("one"));
    ASSERT_NO_FATAL_FAILURE(WaitForQuestions(1));
  }
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(1), ElementsAre("up"));
  EXPECT_THAT(asked_with_, ElementsAre("/dev", "/prod", "/another"));
  EXPECT_EQ(hosts_.at("one").attempts(), 0);
  EXPECT_EQ(KeysOf("two"), "/another");
}

TEST_F(TeamLinkTest, WhoWantsNothingIsAskedForAgainOnlyWhenItDoes) {
  Want(*a_, recorder_);
  Answer(std::string("one"));
  recorder_.WaitFor(1);
  OnLoop([&] { a_->Unwant(&recorder_); });
  Move("one");
  const absl::Time deadline = absl::Now() + kTeamLinkPatience;
  bool bound = true;
  while (bound && absl::Now() < deadline) {
    OnLoop([&] { bound = a_->bound_to() != nullptr; });
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_FALSE(bound);
  EXPECT_EQ(hosts_.at("two").attempts(), 0);
  Want(*a_, recorder_);
  Answer(std::string("two"));
  EXPECT_THAT(recorder_.WaitFor(2), ElementsAre("up", "up"));
}

}  // namespace
}  // namespace iris
