#include "coordinator/orchestrator/settling.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/checkpoints.h"
#include "coordinator/orchestrator/tell_part_fixture.h"
#include "coordinator/store/store.h"
#include "coordinator/store/stored.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class SettlingTest : public TellPartFixture {};

absl::Status Cancelled() { return MakeFailure(v1::FAILURE_CANCELLED, "cancelled"); }

TEST_F(SettlingTest, WhoeverWaitsHearsOfAnEndOnceItIsStoredAndTheSessionDoesFirst) {
  AcceptedTell& tell = Add(TellState::kRunning);
  tell.answer().Append("the answer", limits.answer_bytes_max);
  settling.End(kId, absl::OkStatus());
  settling.End(kId, Cancelled());  // It is over.
  Pass(absl::ZeroDuration());
  EXPECT_THAT(heard, IsEmpty());
  EXPECT_TRUE(tells.IsOver(kId));
  Write();
  EXPECT_THAT(heard, ElementsAre("settled " + std::string(kId), "over OK"));
  EXPECT_EQ(listener.answer, "the answer");
  EXPECT_EQ(Stored().state, TellState::kSettled);
  EXPECT_TRUE(tells.empty());
}

TEST_F(SettlingTest, WhatIsPutOffIsOpenAgainOnceThatIsStored) {
  Add(TellState::kRunning);
  settling.PutOff(kId, MakeFailure(v1::FAILURE_RATE_LIMITED, "limit"), absl::FromUnixSeconds(100));
  EXPECT_TRUE(tells.IsOver(kId));
  Write();
  EXPECT_THAT(heard, ElementsAre("again " + std::string(kId)));
  EXPECT_FALSE(tells.IsOver(kId));
  EXPECT_EQ(Stored().state, TellState::kQueued);
  EXPECT_EQ(tells.At(kId).limit_waits(), 1);
}

TEST_F(SettlingTest, WhoeverCancelledItKnowsItsEnd) {
  BeCancelled(Add(TellState::kRunning));
  settling.End(kId, Cancelled());
  Write();
  EXPECT_THAT(heard, ElementsAre("settled " + std::string(kId), "over FAILURE_CANCELLED",
                                 "cancelled FAILURE_CANCELLED"));
  EXPECT_TRUE(Stored().fetched);
}

TEST_F(SettlingTest, WhatIsNotStoredIsSaidAndTriedAgain) {
  BeCancelled(Add(TellState::kRunning));
  takes = false;
  settling.End(kId, absl::OkStatus());
  Write();
  EXPECT_THAT(heard, ElementsAre(StartsWith("progress it is over, which cannot be stored yet"),
                                 "cancelled FAILURE_STORAGE"));
  heard.clear();
  takes = true;
  Pass(Checkpoints::kAgain);
  Write();
  EXPECT_THAT(heard, ElementsAre("settled " + std::string(kId), "over OK"));
}

TEST_F(SettlingTest, AMarkIsStoredWithTheTextOfWhatIsInFlight) {
  Add(TellState::kRunning).answer().Append("so far", limits.answer_bytes_max);
  in_flight = kId;
  const ReadMark mark{.journal_id = "journal", .seq = 7};
  settling.Read(session_id, mark);
  Pass(Checkpoints::kEvery);
  Write();
  EXPECT_EQ(acknowledged, mark);
  EXPECT_EQ(*file.FindText(kId), "so far");
}

TEST_F(SettlingTest, WhatEndsWithoutAWayIsNotLookedForAnyMore) {
  Add(TellState::kQueued);
  wayless.Add(kId);
  settling.End(kId, Cancelled());
  EXPECT_FALSE(wayless.Has(kId));
}

TEST_F(SettlingTest, AHostThatMayHaveWhatIsStoppedForGoodHearsOfItInALaterLife) {
  ASSERT_TRUE(Add(TellState::kRunning).giving().Give());
  settling.StopForGood(kId);
  settling.SaveAll();
  Write();
  EXPECT_THAT(heard, ElementsAre("settled " + std::string(kId), "over FAILURE_CANCELLED"));
  const std::vector<Store::PendingCancel> cancels = *file.Cancels();
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].tell_id, kId);
}

}  // namespace
}  // namespace iris
