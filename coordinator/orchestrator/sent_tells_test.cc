#include "coordinator/orchestrator/sent_tells.h"

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/tell_part_fixture.h"
#include "coordinator/store/stored.h"
#include "coordinator/transport/host_away.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class SentTellsTest : public TellPartFixture {
 protected:
  bool MayGive() {
    return sent_.MayGive(kId, [this] { ++asked_again_; });
  }

  SentTells sent_{store, tells, settling, limits};
  int asked_again_ = 0;
};

TEST_F(SentTellsTest, WhatTheHostSaysIsOfTheTellThatIsMeantUntilItIsOver) {
  AcceptedTell& tell = Add(TellState::kRunning);
  sent_.OnText(kId, "lost");
  sent_.OnTextVoid(kId);
  sent_.OnText(kId, "the answer");
  sent_.OnText("another", "nothing");
  sent_.OnSettled(kId, absl::OkStatus());
  sent_.OnText(kId, " and more");
  sent_.OnSettled(kId, MakeFailure(v1::FAILURE_DROPPED, "once more"));
  EXPECT_TRUE(tell.is_over());
  Write();
  EXPECT_THAT(heard, ElementsAre("settled " + std::string(kId), "over OK"));
  EXPECT_EQ(listener.answer, "the answer");
}

TEST_F(SentTellsTest, AnAnswerThatIsTooLongIsCutAndFails) {
  Add(TellState::kRunning);
  sent_.OnText(kId, std::string(limits.answer_bytes_max + 1, 'x'));
  sent_.OnSettled(kId, absl::OkStatus());
  Write();
  EXPECT_THAT(heard, ElementsAre("settled " + std::string(kId), "over FAILURE_STORAGE"));
  EXPECT_EQ(listener.answer.size(), limits.answer_bytes_max);
}

TEST_F(SentTellsTest, ATellThatReachedALimitIsPutOffIfItIsToWait) {
  Failure limit;
  limit.set_kind(v1::FAILURE_RATE_LIMITED);
  limit.mutable_rate_limit()->set_nothing_ran(true);
  Add(TellState::kRunning, kId, /*wait_for_limit=*/true);
  sent_.OnSettled(kId, FromProto(limit));
  EXPECT_TRUE(tells.At(kId).is_put_off());
  Write();
  EXPECT_THAT(heard, ElementsAre("again " + std::string(kId)));
  sent_.OnText(kId, "of the attempt before");
  EXPECT_EQ(tells.At(kId).answer().bytes(), 0u);
}

TEST_F(SentTellsTest, ATellIsGivenOnceTheStoreKnowsThatItMayBeThere) {
  AcceptedTell& tell = Add(TellState::kQueued);
  EXPECT_FALSE(MayGive());
  EXPECT_FALSE(MayGive());
  EXPECT_FALSE(tell.given());
  Write();
  EXPECT_EQ(asked_again_, 1);
  EXPECT_EQ(Stored().state, TellState::kRunning);
  EXPECT_TRUE(MayGive());
  EXPECT_TRUE(tell.given());
}

TEST_F(SentTellsTest, WhatWasStoredAsRunningIsGivenAtOnce) {
  Add(TellState::kRunning);
  EXPECT_TRUE(MayGive());
  EXPECT_EQ(asked_again_, 0);
}

TEST_F(SentTellsTest, WhatWasTakenBackMeanwhileIsNotGiven) {
  AcceptedTell& tell = Add(TellState::kQueued);
  EXPECT_FALSE(MayGive());
  tell.giving().TakeBack();
  Write();
  EXPECT_EQ(asked_again_, 0);
  EXPECT_FALSE(tell.given());
}

TEST_F(SentTellsTest, WhatTheStoreDoesNotTakeIsSaidAndAskedForAgain) {
  Add(TellState::kQueued);
  takes = false;
  EXPECT_FALSE(MayGive());
  Write();
  EXPECT_EQ(asked_again_, 0);
  EXPECT_THAT(heard, ElementsAre(StartsWith("progress the message cannot be taken up yet")));
  takes = true;
  EXPECT_FALSE(MayGive());
  Write();
  EXPECT_TRUE(MayGive());
}

TEST_F(SentTellsTest, NothingIsGivenThatIsOver) {
  Add(TellState::kRunning);
  settling.End(kId, MakeFailure(v1::FAILURE_CANCELLED, "cancelled"));
  EXPECT_FALSE(MayGive());
  EXPECT_FALSE(sent_.MayGive("another", [] {}));
}

TEST_F(SentTellsTest, WhatIsNotOpenEndsAsItsHostIsAway) {
  const HostAway away{.why = MakeFailure(v1::FAILURE_UNREACHABLE, "no route")};
  EXPECT_EQ(sent_.EndWhileAway("another", away), away.why);
}

}  // namespace
}  // namespace iris
