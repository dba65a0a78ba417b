#include "coordinator/cli/coordinator_lives.h"

#include <utility>
#include <vector>

#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CoordinatorLivesTest : public ::testing::Test {
 protected:
  // Says how each of the lives ends, one after the other, the last one for ever.
  absl::StatusOr<Coordinator> Run(std::vector<LifeEnd> ends) {
    const CoordinatorLives lives(
        [this]() -> absl::StatusOr<Coordinator> {
          ++connected_;
          if (!refusal_.ok()) return refusal_;
          Coordinator coordinator;
          coordinator.hello.set_pid(connected_);
          return coordinator;
        },
        CoordinatorLives::kLostMax, [this](absl::Duration time) { pauses_.push_back(time); });
    size_t life = 0;
    return lives.Run([&](const absl::StatusOr<Coordinator>& coordinator) {
      EXPECT_EQ(coordinator.ok(), refusal_.ok());
      const LifeEnd end = ends[life];
      if (life + 1 < ends.size()) ++life;
      return end;
    });
  }

  absl::Status refusal_;
  int connected_ = 0;
  std::vector<absl::Duration> pauses_;
};

TEST_F(CoordinatorLivesTest, TheNextOneIsAskedAtOnceWhereOneGoesAway) {
  const auto last = Run({LifeEnd::kLost, LifeEnd::kLost, LifeEnd::kOver});
  EXPECT_EQ(last->hello.pid(), 3);
  EXPECT_THAT(pauses_, IsEmpty());
}

TEST_F(CoordinatorLivesTest, WhatCannotBeAnsweredNowIsAskedAgainAfterAPause) {
  Run({LifeEnd::kLater, LifeEnd::kLater, LifeEnd::kOver}).IgnoreError();
  EXPECT_EQ(connected_, 3);
  EXPECT_THAT(pauses_, ElementsAre(CoordinatorLives::kPause, CoordinatorLives::kPause));
}

TEST_F(CoordinatorLivesTest, AQuestionThatEndsEveryCoordinatorIsNotAskedForEver) {
  const auto last = Run({LifeEnd::kLost});
  EXPECT_EQ(connected_, CoordinatorLives::kLostMax);
  EXPECT_EQ(last->hello.pid(), connected_);
}

TEST(CoordinatorLostTest, WhatACoordinatorSaysIsNoLoss) {
  EXPECT_TRUE(CoordinatorLost(MakeFailure(v1::FAILURE_DROPPED, "gone")));
  EXPECT_TRUE(CoordinatorLost(MakeFailure(v1::FAILURE_CANCELLED, "gone")));
  EXPECT_FALSE(CoordinatorLost(MakeFailure(v1::FAILURE_BAD_REQUEST, "no")));
  EXPECT_FALSE(CoordinatorLost(absl::OkStatus()));
}

TEST_F(CoordinatorLivesTest, WhyThereIsNoneIsForWhoeverAsks) {
  refusal_ = MakeFailure(v1::FAILURE_TIMEOUT, "it does not answer");
  EXPECT_EQ(KindOf(Run({LifeEnd::kOver}).status()), v1::FAILURE_TIMEOUT);
  EXPECT_EQ(connected_, 1);
}

}  // namespace
}  // namespace iris
