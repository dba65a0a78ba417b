#include "coordinator/transport/cancelled_tells.h"

#include <string>

#include "coordinator/transport/part_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CancelledTellsTest : public TransportPartFixture {};

TEST_F(CancelledTellsTest, WhatNoHostHasEndsHere) {
  tells_.Add({.id = "a"});
  cancels_.Cancel("a");
  EXPECT_THAT(sink_.Take(), IsEmpty());  // Never from inside a call.
  Run();
  EXPECT_THAT(sink_.Take(), ElementsAre("a settled cancelled", "a cancel heard"));
  EXPECT_TRUE(cancels_.empty());
}

TEST_F(CancelledTellsTest, WhatAHostMayHaveEndsAtOnceAndIsStillToBeHeardOf) {
  tells_.Add({.id = "a", .sent = true, .given = true});
  cancels_.Cancel("a");
  Run();
  EXPECT_THAT(sink_.Take(), ElementsAre("a settled cancelled"));
  EXPECT_FALSE(cancels_.empty());
}

TEST_F(CancelledTellsTest, WhatIsOnTheStreamIsAskedFor) {
  ComeToOpen();
  tells_.Add({.id = "a", .sent = true, .given = true, .on_stream = true});
  cancels_.Cancel("a");
  ASSERT_NE(agent().cancel_tell, nullptr);
  EXPECT_EQ(agent().cancel_tell->request.tell_id(), "a");
  EXPECT_FALSE(tells_.empty());  // The stream says how it ends.
  cancels_.OnSettled("a");
  EXPECT_THAT(sink_.Take(), Contains("a cancel heard"));
  EXPECT_EQ(state(), TransportState::kOpen);
}

TEST_F(CancelledTellsTest, WhoCancelledDoesNotWaitForAHostThatIsLost) {
  ComeToOpen();
  tells_.Add({.id = "a", .sent = true, .given = true, .on_stream = true});
  cancels_.Cancel("a");
  LinkLost();
  EXPECT_TRUE(cancels_.SettleAll());
  EXPECT_THAT(sink_.Take(), Contains("a settled cancelled"));
  EXPECT_FALSE(cancels_.empty());
}

TEST_F(CancelledTellsTest, AHostIsSoughtToHearOfOneAndLetGoThen) {
  on_attached_ = TransportEvent::kAttachedToCancel;
  cancels_.PassOn("a", /*host=*/"");
  Run();
  EXPECT_THAT(Take(), ElementsAre("seeks"));
  LinkUp();
  Grant();
  streams_.push_back(agent().attach);
  BeAttached();
  cancels_.AskAll();
  EXPECT_EQ(state(), TransportState::kCancelling);
  agent().cancel_tell->Answer(v1::CancelTellResponse());
  Run();
  EXPECT_THAT(sink_.Take(), Contains("a cancel heard"));
  EXPECT_EQ(state(), TransportState::kDown);
  EXPECT_FALSE(link_.wanted());
}

TEST_F(CancelledTellsTest, AHostThatIsNotTheOneToHearOfItIsLetGoAtOnce) {
  on_attached_ = TransportEvent::kAttachedToCancel;
  cancels_.PassOn("a", "another host");
  Run();
  LinkUp();
  Grant();
  streams_.push_back(agent().attach);
  BeAttached();
  cancels_.AskAll();
  EXPECT_EQ(agent().cancel_tell, nullptr);
  EXPECT_EQ(state(), TransportState::kDown);
  EXPECT_FALSE(cancels_.empty());
}

}  // namespace
}  // namespace iris
