#include "agent/process/survivor.h"

#include <map>
#include <string>

#include "agent/testing/other_agent.h"
#include "common/base/ids.h"
#include "common/process/spawn.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(FindKeepersTest, AKeeperIsNoSurvivorWhileItsAgentRuns) {
  const std::string session = NewUuid();
  OtherAgent other(session);
  EXPECT_EQ(FindKeepers().count(session), 0u);
  other.Kill();
  const std::map<std::string, ProcessId> found = FindKeepers();
  ASSERT_EQ(found.count(session), 1u);
  EXPECT_EQ(found.at(session).pid, other.keeper());
  EXPECT_TRUE(found.at(session).Runs());
}

// As of a container, whose first process gets them: whatever that serves.
TEST(FindKeepersTest, AKeeperThatWasGivenToAnotherProgramIsASurvivor) {
  const std::string session = NewUuid();
  const OtherAgent other(session, "something");
  const std::map<std::string, ProcessId> found = FindKeepers();
  ASSERT_EQ(found.count(session), 1u);
  EXPECT_EQ(found.at(session).pid, other.keeper());
}

TEST(IsOfAnotherAgentTest, SaysWhoseAKeeperIs) {
  OtherAgent other(NewUuid());
  const ProcessId keeper = {.pid = other.keeper(), .start_time = ProcessStartTime(other.keeper())};
  EXPECT_TRUE(IsOfAnotherAgent(keeper));
  EXPECT_FALSE(IsOfAnotherAgent({.pid = keeper.pid, .start_time = keeper.start_time + 1}));
  EXPECT_FALSE(IsOfAnotherAgent({}));
  other.Kill();
  EXPECT_FALSE(IsOfAnotherAgent(keeper));
}

}  // namespace
}  // namespace iris
