#include "coordinator/transport/child_ending.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/transport/part_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ChildEndingTest : public TransportPartFixture {
 protected:
  void Ask() {
    ending_.Ask([this](const absl::StatusOr<bool>& ran) {
      Heard(!ran.ok() ? "not ended" : *ran ? "ended" : "none ran");
    });
  }
  void AnswerClose(bool was_running) {
    v1::CloseResponse closed;
    closed.set_was_running(was_running);
    agent().close->Answer(closed);
    Run();
  }
};

TEST_F(ChildEndingTest, TheAgentIsAskedAndTheStreamHeardToItsEnd) {
  ComeToOpen();
  tells_.Add({.id = "a", .sent = true, .given = true, .on_stream = true});
  Ask();
  ASSERT_NE(agent().close, nullptr);
  EXPECT_TRUE(ending_.may_still_come());
  AnswerClose(/*was_running=*/true);
  EXPECT_TRUE(ending_.is_answered());
  ending_.EndIfQuiet();
  EXPECT_THAT(Take(), IsEmpty());  // The stream says how the tell ends.
  turns_.Settle("a", absl::OkStatus());
  ending_.EndIfQuiet();
  EXPECT_THAT(Take(), ElementsAre("ended"));
  EXPECT_FALSE(ending_.asked());
}

// Else its child would live on, and nobody know of it.
TEST_F(ChildEndingTest, AStartThatTheCloseHasOvertakenIsEndedToo) {
  ComeToAttaching();
  BeAttached();
  ASSERT_EQ(state(), TransportState::kOpening);
  Ask();
  AnswerClose(/*was_running=*/false);
  EXPECT_TRUE(ending_.may_still_come());
  EXPECT_FALSE(ending_.is_answered());
  AnswerClose(/*was_running=*/true);
  EXPECT_TRUE(ending_.is_answered());
}

TEST_F(ChildEndingTest, AStreamThatSaysNothingIsGivenUpAfterAWhile) {
  ComeToOpen();
  tells_.Add({.id = "a", .sent = true, .given = true, .on_stream = true});
  Ask();
  AnswerClose(/*was_running=*/true);
  Run(absl::Seconds(2));
  EXPECT_THAT(Take(), IsEmpty());
  Run(absl::Seconds(1));
  EXPECT_THAT(Take(), ElementsAre("gives up: cancelled"));
}

TEST_F(ChildEndingTest, AHostThatIsNotReachedIsSoughtAndWhatItHasNotEndsAtOnce) {
  tells_.Add({.id = "a", .sent = true, .given = true});
  tells_.Add({.id = "b"});
  Ask();
  EXPECT_THAT(sink_.Take(), IsEmpty());  // Never from inside a call.
  Run();
  EXPECT_THAT(sink_.Take(), ElementsAre("b settled cancelled"));
  EXPECT_THAT(Take(), ElementsAre("seeks for the end"));
}

TEST_F(ChildEndingTest, AWayThatIsLostIsGivenUpWithoutWhatTheHostHas) {
  tells_.Add({.id = "a", .sent = true, .given = true});
  Ask();
  Run();
  Take();
  EXPECT_TRUE(ending_.GiveUp(MakeFailure(v1::FAILURE_UNREACHABLE, "gone"), /*has_cancels=*/false));
  EXPECT_THAT(Take(), ElementsAre("not ended"));
  EXPECT_FALSE(tells_.empty());
}

TEST_F(ChildEndingTest, AWayThatIsLostIsGivenUpWholeWhereTheHostHasNothing) {
  Ask();
  Run();
  Take();
  EXPECT_FALSE(ending_.GiveUp(MakeFailure(v1::FAILURE_UNREACHABLE, "gone"), /*has_cancels=*/false));
  EXPECT_THAT(Take(), ElementsAre("gives up: unreachable"));
}

TEST_F(ChildEndingTest, ACloseThatFailsLeavesTheSessionAsItIs) {
  ComeToOpen();
  Ask();
  agent().close->Answer(MakeFailure(v1::FAILURE_TIMEOUT, "it does not end"));
  Run();
  EXPECT_THAT(Take(), ElementsAre("not ended"));
  EXPECT_EQ(state(), TransportState::kOpen);
}

}  // namespace
}  // namespace iris
