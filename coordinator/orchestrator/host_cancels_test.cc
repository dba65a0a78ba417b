#include "coordinator/orchestrator/host_cancels.h"

#include <string>
#include <vector>

#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/tell_part_fixture.h"
#include "coordinator/store/store.h"
#include "coordinator/store/stored.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HostCancelsTest : public TellPartFixture {
 protected:
  HostCancels cancels_{store, settling};
};

TEST_F(HostCancelsTest, NobodyHearsOfWhatNoHostHasGot) {
  cancels_.EndQueued(Add(TellState::kQueued), /*session=*/nullptr);
  Write();
  EXPECT_THAT(heard, ElementsAre("settled " + std::string(kId), "over FAILURE_CANCELLED"));
  EXPECT_THAT(*file.Cancels(), IsEmpty());
}

TEST_F(HostCancelsTest, WhatAHostMayHaveIsNotedUntilThatHasHeard) {
  AcceptedTell& tell = Add(TellState::kRunning);
  ASSERT_TRUE(tell.giving().Give());
  cancels_.EndQueued(tell, /*session=*/nullptr);
  Write();
  EXPECT_THAT(heard, ElementsAre("settled " + std::string(kId), "over FAILURE_CANCELLED"));
  const std::vector<Store::PendingCancel> noted = *file.Cancels();
  ASSERT_EQ(noted.size(), 1u);
  EXPECT_EQ(noted[0].tell_id, kId);
  EXPECT_EQ(noted[0].session_id, session_id);
  cancels_.OnHeard(noted[0].id_on_host);
  Write();
  EXPECT_THAT(*file.Cancels(), IsEmpty());
}

}  // namespace
}  // namespace iris
