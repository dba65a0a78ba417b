#include "coordinator/orchestrator/wayless_tells.h"

#include <memory>
#include <string>
#include <vector>

#include "common/failure/failure.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/store/stored.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WaylessTellsTest : public ::testing::Test {
 protected:
  void Add(const std::string& tell_id, TellState state) {
    const StoredTell stored{.tell_id = tell_id, .session_id = "session", .state = state};
    tells_.Add(std::make_unique<AcceptedTell>(stored, ""));
    wayless_.Add(tell_id);
  }

  OpenTells tells_;
  WaylessTells wayless_{tells_};
};

TEST_F(WaylessTellsTest, WhatAHostMayHaveHoldsUpItsSessionAlone) {
  Add("queued", TellState::kQueued);
  EXPECT_EQ(wayless_.GivenOf("session"), 0u);
  EXPECT_TRUE(wayless_.CheckNoneIsGiven("session").ok());
  Add("given", TellState::kRunning);
  EXPECT_EQ(wayless_.GivenOf("session"), 1u);
  EXPECT_EQ(KindOf(wayless_.CheckNoneIsGiven("session")), v1::FAILURE_BUSY_LIMIT);
  EXPECT_TRUE(wayless_.CheckNoneIsGiven("another").ok());
  wayless_.Remove("given");
  EXPECT_EQ(wayless_.GivenOf("session"), 0u);
}

TEST_F(WaylessTellsTest, ThoseThatStayStandInFrontOfWhatComesMeanwhile) {
  Add("a", TellState::kQueued);
  Add("b", TellState::kQueued);
  std::vector<std::string> all = wayless_.TakeAll();
  EXPECT_THAT(all, ElementsAre("a", "b"));
  EXPECT_THAT(wayless_.ids(), IsEmpty());
  Add("c", TellState::kQueued);
  wayless_.PutBack({"b"});
  EXPECT_THAT(wayless_.ids(), ElementsAre("b", "c"));
  EXPECT_FALSE(wayless_.Has("a"));
}

}  // namespace
}  // namespace iris
