#include "agent/session/turn_watch.h"

#include <string>

#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

class TurnWatchTest : public ::testing::Test, protected TurnWatchSink {
 protected:
  TurnWatchTest() {
    watch.set_stall_limits({.quiet = absl::Seconds(10), .probe_after = absl::Seconds(60)});
    watch.set_idle_limits({.check_every = absl::Seconds(5)});
  }
  void Pass(absl::Duration time) {
    now += time;
    while (loop.RunReady()) {
    }
  }
  void PassSeconds(int seconds) {
    for (int i = 0; i < seconds; ++i) Pass(absl::Seconds(1));
  }
  v1::Stall::Kind Stall() const { return watch.Diagnose().value_or(v1::Stall()).kind(); }

  void OnSilent() override { ++silent; }
  void OnIdleCheck() override { ++checks; }

  absl::Duration now;
  EventLoop loop{[this] { return now; }};
  TurnWatch watch{loop, *this};
  int silent = 0;
  int checks = 0;
};

TEST_F(TurnWatchTest, LooksAfterATellInFlightAlone) {
  PassSeconds(120);
  EXPECT_EQ(checks, 0);
  watch.OnTellWritten();
  PassSeconds(20);
  EXPECT_EQ(checks, 4);
  watch.OnTellOver();
  PassSeconds(120);
  EXPECT_EQ(checks, 4);
  EXPECT_EQ(silent, 0);
}

TEST_F(TurnWatchTest, ASilentClaudeIsAskedAgainWhenItHasAnswered) {
  watch.OnTellWritten();
  PassSeconds(60);
  EXPECT_EQ(silent, 1);
  watch.OnProbeSent(absl::ZeroDuration());
  PassSeconds(60);
  EXPECT_EQ(silent, 1);
  watch.OnProbeAnswered();
  PassSeconds(60);
  EXPECT_EQ(silent, 2);
}

TEST_F(TurnWatchTest, SaysWhyNothingHappens) {
  EXPECT_EQ(Stall(), v1::Stall::KIND_UNSPECIFIED);
  watch.OnTellWritten();
  PassSeconds(10);
  EXPECT_EQ(Stall(), v1::Stall::MODEL_WAIT);
  watch.OnAsked("p1", "may it?");
  EXPECT_EQ(Stall(), v1::Stall::PERMISSION_PENDING);
  watch.OnAnswered("p1");
  EXPECT_EQ(Stall(), v1::Stall::KIND_UNSPECIFIED);
  watch.OnJournalFull(/*full=*/true, /*disk_full=*/true);
  EXPECT_EQ(Stall(), v1::Stall::STORAGE_FULL);
  watch.OnJournalFull(/*full=*/false, /*disk_full=*/false);
  watch.OnDraining("an earlier one");
  EXPECT_EQ(Stall(), v1::Stall::DRAINING);
}

TEST_F(TurnWatchTest, ALittleOfTheCpuIsNoWork) {
  watch.OnTellWritten();
  watch.OnProbeSent(absl::Seconds(1));
  Pass(absl::Seconds(15));
  EXPECT_FALSE(watch.HasWorked(absl::Seconds(1) + absl::Milliseconds(100)));
  Pass(absl::Seconds(15));
  EXPECT_TRUE(watch.HasWorked(absl::Seconds(2)));
  EXPECT_FALSE(watch.HasWorked(absl::Seconds(2)));
}

TEST_F(TurnWatchTest, GoesOnInAnotherProgram) {
  handover::Session state;
  state.set_text_lost(true);
  handover::Tool& tool = *state.add_tools();
  tool.set_id("t1");
  tool.set_name("Bash");
  watch.AdoptHandover(state, /*in_turn=*/true);
  EXPECT_TRUE(watch.text_lost());
  PassSeconds(10);
  EXPECT_EQ(Stall(), v1::Stall::TOOL_RUNNING);
  EXPECT_EQ(checks, 2);
  handover::Session next;
  watch.HandOver(next);
  EXPECT_TRUE(next.text_lost());
  ASSERT_EQ(next.tools_size(), 1);
  EXPECT_EQ(next.tools(0).name(), "Bash");
}

}  // namespace
}  // namespace iris
