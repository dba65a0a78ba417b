#include "coordinator/orchestrator/wait_cycles.h"

#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr WaitCycles::Session kBusy = {.in_turn = true, .has_process = true};
constexpr WaitCycles::Session kIdle = {.in_turn = false, .has_process = true};
constexpr WaitCycles::Session kNoProcess = {.in_turn = false, .has_process = false};

TEST(WaitCyclesTest, AQuestionBehindTheTurnThatWaitsForTheAskerWouldWaitForItself) {
  WaitCycles waits;
  for (const char* session : {"cli a", "a b", "b a"}) waits.AddSession(session, kBusy);
  waits.AddQuestion("cli a", "a b");
  waits.AddQuestion("a b", "b a");
  EXPECT_TRUE(waits.WouldWaitForItself("b a", "a b"));
  EXPECT_FALSE(waits.WouldWaitForItself("cli a", "a b"));  // A second one, behind its own first.
  EXPECT_TRUE(waits.WouldWaitForItself("a b", "a b"));
}

TEST(WaitCyclesTest, SoOverAnyNumberOfTeams) {
  WaitCycles waits;
  for (const char* session : {"a b", "b c", "c d", "d a", "d e"}) waits.AddSession(session, kBusy);
  waits.AddQuestion("a b", "b c");
  waits.AddQuestion("b c", "c d");
  waits.AddQuestion("c d", "d e");
  EXPECT_FALSE(waits.WouldWaitForItself("d a", "a b"));
  waits.AddQuestion("c d", "d a");
  EXPECT_TRUE(waits.WouldWaitForItself("d a", "a b"));
}

TEST(WaitCyclesTest, WhoIsInNoTurnOrNotKnownWaitsForNobody) {
  WaitCycles waits;
  waits.AddSession("a b", kBusy);
  waits.AddSession("b a", kIdle);
  waits.AddQuestion("a b", "b a");
  EXPECT_FALSE(waits.WouldWaitForItself("b a", "a b"));
  EXPECT_FALSE(waits.WouldWaitForItself("", "a b"));
  EXPECT_FALSE(waits.WouldWaitForItself("a b", "never used"));
}

TEST(WaitCyclesTest, AnEarlierCycleIsLeft) {
  WaitCycles waits;
  for (const char* session : {"a b", "b a", "c b"}) waits.AddSession(session, kBusy);
  waits.AddQuestion("a b", "b a");
  waits.AddQuestion("b a", "a b");
  EXPECT_FALSE(waits.WouldWaitForItself("c b", "a b"));
}

TEST(WaitCyclesTest, NoProcessBecomesFreeWhereAllAreOfTurnsThatWait) {
  WaitCycles waits;
  waits.AddSession("cli p", kBusy);
  waits.AddSession("cli q", kBusy);
  waits.AddSession("p r", kNoProcess);
  EXPECT_FALSE(waits.WouldWaitForProcess("cli p", 2));  // q goes on by itself.
  waits.AddQuestion("cli p", "p r");
  EXPECT_TRUE(waits.WouldWaitForProcess("cli q", 2));
  EXPECT_FALSE(waits.WouldWaitForProcess("cli q", 3));
  EXPECT_FALSE(waits.WouldWaitForProcess("", 2));
}

// q waits for p, which has a process, and p for one that has none.
TEST(WaitCyclesTest, AProcessOfOneThatItselfWaitsForAnotherOneIsNoRoom) {
  WaitCycles waits;
  waits.AddSession("cli p", kBusy);
  waits.AddSession("cli q", kBusy);
  waits.AddSession("p r", kNoProcess);
  waits.AddQuestion("cli p", "p r");
  EXPECT_FALSE(waits.WouldWaitForItself("cli q", "cli p"));
  EXPECT_TRUE(waits.WouldWaitForProcess("cli q", 2));
}

TEST(WaitCyclesTest, AProcessThatIsIdleIsRoom) {
  WaitCycles waits;
  waits.AddSession("cli q", kBusy);
  waits.AddSession("cli p", kIdle);
  EXPECT_FALSE(waits.WouldWaitForProcess("cli q", 2));
}

}  // namespace
}  // namespace iris
