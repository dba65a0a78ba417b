// What a session says of itself while nothing seems to happen.

#include <string>

#include "agent/session/session_fixture.h"
#include "agent/testing/processes.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

class SessionStallTest : public SessionFixture {
 protected:
  SessionStallTest() {
    SetLimits({.quiet = absl::Milliseconds(50),
               .probe_after = absl::Milliseconds(200),
               .probe_answer = absl::Seconds(20)});
  }
  void SetLimits(const StallLimits& limits) {
    Do([&limits](Session& session) { session.set_stall_limits(limits); });
  }
  // Whether this comes to be what it waits for.
  bool StallsWith(v1::Stall::Kind kind) {
    return Eventually([&] { return Info().stall().kind() == kind; });
  }
};

TEST_F(SessionStallTest, AModelThatDoesNotAnswerIsWaitedFor) {
  ASSERT_TRUE(Open().ok());
  EXPECT_FALSE(Info().has_stall());
  Tell("HANG");
  EXPECT_TRUE(StallsWith(v1::Stall::MODEL_WAIT));
  // It is asked whether it lives, and answers.
  EXPECT_TRUE(WaitForOutput("mcpServers"));
  EXPECT_TRUE(StallsWith(v1::Stall::MODEL_WAIT));
}

TEST_F(SessionStallTest, ATextThatStopsIsSilent) {
  ASSERT_TRUE(Open().ok());
  Tell("BLOCKS 1\nHANG");
  EXPECT_TRUE(StallsWith(v1::Stall::OUTPUT_SILENT));
}

TEST_F(SessionStallTest, AToolThatRunsIsNamedUntilTheTellIsOver) {
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("TOOL 600");
  EXPECT_TRUE(StallsWith(v1::Stall::TOOL_RUNNING));
  EXPECT_EQ(Info().stall().detail(), "Bash");
  Do([&](Session& session) {
    session.CancelTell(tell, [](const absl::StatusOr<v1::TellState::Phase>&) {});
  });
  EXPECT_EQ(Outcome(tell).kind(), v1::FAILURE_CANCELLED);
  EXPECT_FALSE(Info().has_stall());
}

TEST_F(SessionStallTest, AChildThatReadsNothingIsWedged) {
  SetLimits({.quiet = absl::Milliseconds(50),
             .probe_after = absl::Milliseconds(200),
             .probe_answer = absl::Milliseconds(200)});
  ASSERT_TRUE(Open().ok());
  Tell("HANGTERM");
  EXPECT_TRUE(StallsWith(v1::Stall::CHILD_WEDGED));
  EXPECT_THAT(Info().stall().detail(), HasSubstr("control request"));
  EXPECT_GE(Info().stall().for_ms(), 200);
}

}  // namespace
}  // namespace iris
