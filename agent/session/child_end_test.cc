#include "agent/session/child_end.h"

#include <signal.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ChildEndTest : public ::testing::Test {
 protected:
  std::string Early(int code) {
    end.OnStarting();
    return std::string(end.WhyEnded(young, ExitStatus{.number = code}, false).message());
  }

  ChildEnd end{[] { return "claude for team gpu"; }};
  const ChildEnd::Child young{
      .program = "/bin/claude", .stderr_tail = "one\ntwo\n", .lived = absl::Seconds(1)};
  const ChildEnd::Child old{.program = "/bin/claude", .stderr_tail = "", .lived = absl::Hours(1)};
};

TEST_F(ChildEndTest, SaysWhatItSaidLast) {
  const absl::Status why = end.WhyEnded(young, ExitStatus{.number = 3}, /*was_starting=*/false);
  EXPECT_EQ(KindOf(why), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(std::string(why.message()),
              HasSubstr("claude for team gpu (/bin/claude) ended before it had answered: "
                        "exit code 3; its last words: one two"));
  end.OnTurnOver();
  EXPECT_THAT(
      std::string(end.WhyEnded(old, ExitStatus{.by_signal = true, .number = 9}, true).message()),
      HasSubstr("before it was ready: signal 9; nothing on stderr"));
}

TEST_F(ChildEndTest, OneThatEndsEachTimeIsNamedAsThat) {
  EXPECT_THAT(Early(1), Not(HasSubstr("as the one before")));
  EXPECT_THAT(Early(1), HasSubstr("right after its start, as the one before"));
  end.OnTurnOver();
  EXPECT_THAT(Early(1), Not(HasSubstr("as the one before")));
}

TEST_F(ChildEndTest, TheFirstReasonCounts) {
  EXPECT_EQ(end.reason(), v1::Exited::BY_ITSELF);
  end.OnEnding(v1::Exited::CLOSED);
  end.OnEnding(v1::Exited::IDLE);
  EXPECT_EQ(end.reason(), v1::Exited::CLOSED);
  EXPECT_EQ(KindOf(end.WhyEnded(old, ExitStatus{}, false)), v1::FAILURE_CANCELLED);
  end.OnStarting();
  EXPECT_EQ(end.reason(), v1::Exited::BY_ITSELF);
}

TEST_F(ChildEndTest, AProgramThatIsRefusedIsNotExecutable) {
  const absl::Status refused = absl::FailedPreconditionError("no such format");
  EXPECT_EQ(KindOf(end.WhyEnded(young, refused, /*was_starting=*/true)),
            v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_EQ(KindOf(end.WhyEnded(young, absl::UnknownError("gone"), /*was_starting=*/true)),
            v1::FAILURE_CHILD_EXITED);
}

TEST_F(ChildEndTest, WhatIsNotReadyIsNamed) {
  const auto kind = [this](NotReady reason) {
    return KindOf(end.WhyNotReady(young, reason, "too old", absl::Seconds(30)));
  };
  EXPECT_EQ(kind(NotReady::kSilent), v1::FAILURE_TIMEOUT);
  EXPECT_EQ(kind(NotReady::kRefused), v1::FAILURE_VERSION);
  EXPECT_EQ(kind(NotReady::kEcho), v1::FAILURE_NOT_EXECUTABLE);
}

TEST_F(ChildEndTest, OnlyOneThatEndedByItselfSaysThatItsSessionIsElsewhere) {
  const ChildEnd::Child refused{.program = "/bin/claude",
                                .stderr_tail = "Error: Session ID 4f6d is already in use.\n",
                                .lived = absl::Seconds(1)};
  EXPECT_TRUE(end.SaysItIsElsewhere(refused, "4f6d"));
  EXPECT_FALSE(end.SaysItIsElsewhere(refused, "another"));
  EXPECT_FALSE(end.SaysItIsElsewhere(young, "4f6d"));
  end.OnEnding(v1::Exited::CLOSED);
  EXPECT_FALSE(end.SaysItIsElsewhere(refused, "4f6d"));
}

TEST_F(ChildEndTest, OneThatReadsNoAnswersIsNamed) {
  const absl::Status why = end.WhyDeaf();
  EXPECT_EQ(KindOf(why), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(std::string(why.message()), HasSubstr("claude for team gpu asked without end"));
}

TEST_F(ChildEndTest, TheEventSaysHow) {
  end.OnEnding(v1::Exited::WEDGED);
  const v1::Exited by_signal = end.Describe(young, ExitStatus{.by_signal = true, .number = 9});
  EXPECT_EQ(by_signal.signal(), 9);
  EXPECT_EQ(by_signal.reason(), v1::Exited::WEDGED);
  EXPECT_EQ(by_signal.stderr_tail(), "one\ntwo\n");
  EXPECT_EQ(end.Describe(young, absl::UnknownError("never ran")).code(), 127);
}

}  // namespace
}  // namespace iris
