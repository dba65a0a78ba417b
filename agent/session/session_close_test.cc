// How a session's child is ended on request.

#include <signal.h>

#include <string>

#include "absl/strings/numbers.h"
#include "absl/synchronization/notification.h"
#include "agent/session/session.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using SessionCloseTest = SessionFixture;

TEST_F(SessionCloseTest, CloseEndsAToolInASessionOfItsOwn) {
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell(R"(TOOL Bash {"command":"trap '' TERM HUP; sleep 600"})");
  ASSERT_TRUE(WaitForOutput(R"("type":"tool_use")"));
  ASSERT_TRUE(Close(absl::Seconds(2)));  // As long again after SIGTERM: it must get round to it.
  EXPECT_TRUE(HaveNoChildren());
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_CANCELLED);
  EXPECT_EQ(LastExit().code(), 143);
}

TEST_F(SessionCloseTest, CloseKillsWhatOnlySigkillEnds) {
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell("DAEMON\nHANGTERM");
  ASSERT_TRUE(WaitForOutput("daemon-pid"));
  const std::string said = output();
  int daemon = 0;
  const std::string from = said.substr(said.find("daemon-pid ") + 11);
  ASSERT_TRUE(absl::SimpleAtoi(from.substr(0, from.find('"')), &daemon));
  ASSERT_TRUE(Exists(daemon));

  ASSERT_TRUE(Close(absl::Milliseconds(50)));
  EXPECT_EQ(LastExit().signal(), SIGKILL);
  EXPECT_FALSE(Exists(daemon));
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_CANCELLED);
}

TEST_F(SessionCloseTest, CloseLetsATurnFinishWithinTheGrace) {
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell(Held("WAIT") + "\nBLOCKS 1");
  ASSERT_TRUE(WaitForOutput("\"init\""));
  Do([](Session& session) { session.Close(absl::Seconds(60), [](bool) {}); });
  LetGo();
  EXPECT_EQ(Answer(id), "block 1\n");
  ASSERT_TRUE(Eventually([this] { return Info().state() == v1::SESSION_NO_CHILD; }));
  EXPECT_EQ(LastExit().code(), 0);
}

TEST_F(SessionCloseTest, CloseCancelsWhatWaitsAndNothingStartsAgain) {
  (*spec.mutable_env())["STUB_HANG_AT_START"] = "1";
  absl::Notification opened;
  Do([&](Session& session) {
    session.Open(spec, [&](const absl::StatusOr<v1::OpenResponse>& answer) {
      EXPECT_EQ(KindOf(answer.status()), v1::FAILURE_CANCELLED);
      opened.Notify();
    });
  });
  const std::string id = Tell("x");
  ASSERT_TRUE(Close(absl::Milliseconds(10)));
  EXPECT_EQ(Info().state(), v1::SESSION_NO_CHILD);
  EXPECT_TRUE(opened.HasBeenNotified());
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_CANCELLED);
  EXPECT_FALSE(Close());  // None runs.
}

TEST_F(SessionCloseTest, ATellWhileItClosesStartsTheNextChild) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("COUNT"), "1");
  std::string id;
  Do([&](Session& session) {
    session.Close(absl::ZeroDuration(), [](bool) {});
    id = NewUuid();
    EXPECT_TRUE(session.Tell(id, "COUNT").ok());
    EXPECT_EQ(session.state(), v1::SESSION_CLOSING);
  });
  EXPECT_EQ(Answer(id), "2");
}

}  // namespace
}  // namespace iris
