#include "coordinator/link/heartbeat.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using Act = Heartbeat::Act;

absl::string_view Name(Act act) {
  switch (act) {
    case Act::kNothing:
      return "nothing";
    case Act::kProbe:
      return "probe";
    case Act::kSuspect:
      return "suspect";
    case Act::kLost:
      return "lost";
  }
  return "?";
}

class HeartbeatTest : public ::testing::Test {
 protected:
  // What it does until `seconds`, as "5 probe, 10 suspect", if nothing comes.
  std::string Until(int seconds) {
    std::string all;
    while (heartbeat_.due() <= absl::Seconds(seconds)) {
      now_ = heartbeat_.due();
      const Act act = heartbeat_.Tick(now_);
      absl::StrAppend(&all, all.empty() ? "" : ", ", absl::ToInt64Seconds(now_), " ", Name(act));
      if (act == Act::kLost) break;
    }
    now_ = absl::Seconds(seconds);
    return all;
  }

  absl::Duration now_;
  Heartbeat heartbeat_{Heartbeat::Times(), now_};
};

TEST_F(HeartbeatTest, AHostThatIsGoneIsLostWithinTwentySecondsWhileSomebodyWaits) {
  EXPECT_EQ(Until(100), "5 probe, 10 suspect, 20 lost");
}

TEST_F(HeartbeatTest, WhereNobodyWaitsItIsProbedOnceAMinute) {
  heartbeat_.SetUrgent(false);
  EXPECT_EQ(Until(59), "");
  EXPECT_EQ(Until(60), "60 probe");
  heartbeat_.OnAnswer(absl::Seconds(60));
  EXPECT_EQ(Until(119), "");
  EXPECT_EQ(Until(200), "120 probe, 125 suspect, 135 lost");
}

TEST_F(HeartbeatTest, WhoeverBeginsToWaitIsNotHeldUpByTheLongInterval) {
  heartbeat_.SetUrgent(false);
  EXPECT_EQ(Until(30), "");
  heartbeat_.SetUrgent(true);
  EXPECT_LE(heartbeat_.due(), absl::Seconds(30));
  EXPECT_EQ(heartbeat_.Tick(absl::Seconds(30)), Act::kProbe);
}

TEST_F(HeartbeatTest, AnAnswerEndsEveryStage) {
  heartbeat_.OnAnswer(absl::Seconds(4));
  EXPECT_EQ(Until(8), "");
  EXPECT_EQ(Until(9), "9 probe");
  heartbeat_.OnAnswer(absl::Seconds(10));
  EXPECT_EQ(Until(20), "15 probe, 20 suspect");
  heartbeat_.OnAnswer(absl::Seconds(29));
  EXPECT_EQ(Until(33), "");
  EXPECT_EQ(Until(50), "34 probe, 39 suspect, 49 lost");
}

// Its probe waits behind them, on a slow link for long.
TEST_F(HeartbeatTest, BytesThatComeKeepALinkFromSuspicion) {
  for (int second = 1; second <= 200; second += 4) {
    EXPECT_EQ(Until(second), second == 5 ? "5 probe" : "");
    heartbeat_.OnTraffic(absl::Seconds(second));
  }
  EXPECT_EQ(Until(300), "202 suspect, 207 lost");
}

TEST_F(HeartbeatTest, AByteThatComesLiftsTheSuspicionAndPutsTheLossOff) {
  EXPECT_EQ(Until(19), "5 probe, 10 suspect");
  heartbeat_.OnTraffic(absl::Seconds(19));
  EXPECT_EQ(Until(100), "24 suspect, 29 lost");
}

// A host that hears nothing any more may go on sending for a while.
TEST_F(HeartbeatTest, BytesOfADeafHostDoNotDelayItsLoss) {
  heartbeat_.OnTraffic(absl::Seconds(4));
  EXPECT_EQ(Until(9), "5 probe");
  heartbeat_.OnTraffic(absl::Seconds(9));
  EXPECT_EQ(Until(100), "14 suspect, 20 lost");
}

TEST_F(HeartbeatTest, ATickThatComesTooEarlyDoesNothing) {
  EXPECT_EQ(heartbeat_.Tick(absl::Seconds(5) - absl::Nanoseconds(1)), Act::kNothing);
  EXPECT_EQ(heartbeat_.Tick(absl::Seconds(5)), Act::kProbe);
  EXPECT_EQ(heartbeat_.Tick(absl::Seconds(5)), Act::kNothing);
}

// Stopped with SIGSTOP, or starved: the answer may lie unread.
TEST_F(HeartbeatTest, AProcessThatWasHeldUpProbesAgainBeforeItJudges) {
  EXPECT_EQ(Until(10), "5 probe, 10 suspect");
  now_ = absl::Seconds(20) + Heartbeat::kHeldUp + absl::Nanoseconds(1);
  EXPECT_EQ(heartbeat_.Tick(now_), Act::kProbe);
  EXPECT_EQ(heartbeat_.due(), now_ + absl::Seconds(5));
}

TEST_F(HeartbeatTest, AfterAWakeUpItProbesAtOnceAndCountsAnew) {
  heartbeat_.SetUrgent(false);
  heartbeat_.ProbeSoon(absl::Seconds(7));
  EXPECT_EQ(Until(100), "7 probe, 12 suspect, 22 lost");
}

}  // namespace
}  // namespace iris
