// Cancelling one tell leaves the others alone.

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "agent/session/session_fixture.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SessionCancelTest : public SessionFixture {
 protected:
  using Phase = v1::TellState::Phase;

  struct Cancelling {
    absl::Notification done;
    absl::StatusOr<Phase> phase_before = absl::UnknownError("not cancelled in time");
  };
  std::shared_ptr<Cancelling> StartCancel(const std::string& tell_id) {
    auto cancelling = std::make_shared<Cancelling>();
    Do([&](Session& session) {
      session.CancelTell(tell_id, [cancelling](const absl::StatusOr<Phase>& phase_before) {
        cancelling->phase_before = phase_before;
        cancelling->done.Notify();
      });
    });
    return cancelling;
  }
  static Phase Finish(Cancelling& cancelling) {
    EXPECT_TRUE(cancelling.done.WaitForNotificationWithTimeout(kDeadline));
    return cancelling.phase_before.value_or(v1::TellState::PHASE_UNSPECIFIED);
  }
  Phase Cancel(const std::string& tell_id) { return Finish(*StartCancel(tell_id)); }
  FailureKind KindOfOutcome(const std::string& tell_id) { return Outcome(tell_id).kind(); }
  size_t TimesSettled(const std::string& tell_id) {
    size_t times = 0;
    for (const v1::Event& event : events()) times += event.settled().tell_id() == tell_id ? 1 : 0;
    return times;
  }
  // Until the child has the tell.
  void WaitUntilWritten(const std::string& tell_id) {
    ASSERT_TRUE(WaitFor([&](const std::vector<v1::Event>& events) {
      for (const v1::Event& event : events) {
        if (event.written().tell_id() == tell_id) return true;
      }
      return false;
    }));
  }
  void SetPatience(absl::Duration patience) {
    Do([patience](Session& session) { session.set_cancel_patience(patience); });
  }
};

TEST_F(SessionCancelTest, ATellInFlightIsInterruptedAndTheSameChildAnswersTheNext) {
  ASSERT_TRUE(Open().ok());
  const std::string pid = Ask("PID");
  const std::string running = Tell("BLOCKS 1\nHANG");
  const std::string next = Tell("PID");
  ASSERT_TRUE(WaitForOutput("block 1"));
  EXPECT_EQ(Cancel(running), v1::TellState::WRITTEN);
  EXPECT_EQ(KindOfOutcome(running), v1::FAILURE_CANCELLED);
  EXPECT_EQ(Answer(next), pid);
  EXPECT_EQ(TimesSettled(running), 1u);
}

TEST_F(SessionCancelTest, AToolThatRunsIsEnded) {
  spec.set_skip_permissions(true);
  (*spec.mutable_env())["IS_SANDBOX"] = "1";
  ASSERT_TRUE(Open().ok());
  const std::string running = Tell("TOOL 60");
  const std::string next = Tell("hello");
  ASSERT_TRUE(WaitForOutput(R"("type":"tool_use")"));
  Cancel(running);
  EXPECT_EQ(KindOfOutcome(running), v1::FAILURE_CANCELLED);
  EXPECT_EQ(Answer(next), "ECHO: hello");
}

TEST_F(SessionCancelTest, ATellThatWaitsIsSettledAtOnceAndNeverWritten) {
  ASSERT_TRUE(Open().ok());
  const std::string running = Tell("HANG");
  const std::string waiting = Tell("never");
  const std::string next = Tell("COUNT");
  EXPECT_EQ(Cancel(waiting), v1::TellState::ACCEPTED);
  EXPECT_EQ(KindOfOutcome(waiting), v1::FAILURE_CANCELLED);
  EXPECT_EQ(CountOf(v1::Event::kWritten), 1u);
  Cancel(running);
  EXPECT_EQ(Answer(next), "2");
}

TEST_F(SessionCancelTest, ATellCancelledBeforeTheChildIsReadyIsNeverWritten) {
  UseBareScript(R"(until [ -e go ]; do sleep 0.05; done
read -r line
echo '{"type":"control_response","response":{"subtype":"success","request_id":"'$(value request_id)'"}}'
while next_tell; do done_with $uuid; done
)");
  ASSERT_EQ(Info().state(), v1::SESSION_NO_CHILD);
  std::string cold, next;
  Do([this](Session& session) {
    session.Open(spec, [](const absl::StatusOr<v1::OpenResponse>&) {});
  });
  cold = Tell("cold");
  next = Tell("next");
  EXPECT_EQ(Cancel(cold), v1::TellState::ACCEPTED);
  EXPECT_EQ(KindOfOutcome(cold), v1::FAILURE_CANCELLED);
  std::ofstream(project + "/go").flush();
  Answer(next);
  EXPECT_THAT(story(),
              ElementsAre("accepted", "accepted", "settled", "started", "written", "settled"));
}

TEST_F(SessionCancelTest, WhatIsOverStaysAsItIs) {
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("hello");
  Answer(tell);
  EXPECT_EQ(Cancel(tell), v1::TellState::SETTLED);
  EXPECT_EQ(TimesSettled(tell), 1u);
}

TEST_F(SessionCancelTest, ACancelThatOvertakesItsTellIsNotLost) {
  ASSERT_TRUE(Open().ok());
  const std::string tell = NewUuid();
  EXPECT_EQ(Cancel(tell), v1::TellState::PHASE_UNSPECIFIED);
  EXPECT_TRUE(TryTell(tell, "COUNT").ok());
  EXPECT_EQ(KindOfOutcome(tell), v1::FAILURE_CANCELLED);
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_EQ(TimesSettled(tell), 1u);
  EXPECT_EQ(KindOf(StartCancel("tell")->phase_before.status()), v1::FAILURE_BAD_REQUEST);
}

// In each of these the script reads the interrupt after its tell: `read_interrupt` puts its id into
// $id, `answer_interrupt CANCELLED` answers it.
constexpr char kInterrupts[] = R"(
read_interrupt() { read -r line; id=$(value request_id); }
answer_interrupt() {
  echo '{"type":"control_response","response":{"subtype":"success","request_id":"'$id'","response":{"still_queued":[],"cancelled":['$1']}}}'
}
aborted() {
  echo '{"type":"result","subtype":"error_during_execution","is_error":true,"errors":["x"],"user_message_uuids":["'$1'"]}'
}
)";

TEST_F(SessionCancelTest, TheNextTellIsHeldUntilAnswerAndResultAreBothThere) {
  for (const std::string order :
       {"answer_interrupt; hold; aborted $first", "aborted $first; hold; answer_interrupt"}) {
    UseScript(std::string(kInterrupts) + R"(
hold() { echo '{"type":"held"}'; until [ -e go ]; do sleep 0.05; done; rm go; }
next_tell; first=$uuid; read_interrupt
)" + order + R"(
while next_tell; do done_with $uuid; done
)");
    const size_t before = events().size();
    ASSERT_TRUE(Open().ok());
    const std::string first = Tell("first");
    const std::string next = Tell("next");
    WaitUntilWritten(first);
    const auto cancelling = StartCancel(first);
    ASSERT_TRUE(WaitFor([before](const std::vector<v1::Event>& events) {
      for (size_t i = before; i < events.size(); ++i) {
        if (events[i].output().bytes().find("held") != std::string::npos) return true;
      }
      return false;
    }));
    EXPECT_FALSE(cancelling->done.HasBeenNotified()) << order;
    EXPECT_EQ(Info().tell_in_flight(), first) << order;
    std::ofstream(project + "/go").flush();
    EXPECT_EQ(Finish(*cancelling), v1::TellState::WRITTEN);
    EXPECT_EQ(KindOfOutcome(first), v1::FAILURE_CANCELLED) << order;
    Answer(next);
    Close();
  }
}

TEST_F(SessionCancelTest, ATurnThatEndedBeforeTheInterruptTookHoldEndedWell) {
  UseScript(std::string(kInterrupts) + R"(
next_tell; read_interrupt; done_with $uuid; answer_interrupt
while next_tell; do done_with $uuid; done
)");
  ASSERT_TRUE(Open().ok());
  const std::string first = Tell("first");
  const std::string next = Tell("next");
  Cancel(first);
  EXPECT_EQ(KindOfOutcome(first), v1::FAILURE_UNSPECIFIED);
  Answer(next);
  EXPECT_EQ(TimesSettled(first), 1u);
}

// claude 2.1.330 takes a line back that it has read and not begun; then there is no result.
TEST_F(SessionCancelTest, ATellThatClaudeTookBackHasNoResult) {
  UseScript(std::string(kInterrupts) + R"(
next_tell; read_interrupt; answer_interrupt '"'$uuid'"'
while next_tell; do done_with $uuid; done
)");
  ASSERT_TRUE(Open().ok());
  const std::string first = Tell("first");
  const std::string next = Tell("next");
  Cancel(first);
  EXPECT_EQ(KindOfOutcome(first), v1::FAILURE_CANCELLED);
  Answer(next);
}

TEST_F(SessionCancelTest, AChildThatDoesNotStopIsEndedAndTheNextTellResumes) {
  SetPatience(absl::Milliseconds(200));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("COUNT"), "1");
  const std::string stuck = Tell("HANGTERM");
  const std::string next = Tell("COUNT");
  WaitUntilWritten(stuck);
  Cancel(stuck);
  const v1::Failure failure = Outcome(stuck);
  EXPECT_EQ(failure.kind(), v1::FAILURE_CANCELLED);
  EXPECT_THAT(failure.detail(), HasSubstr("200ms"));
  EXPECT_EQ(Answer(next), "3");
  EXPECT_EQ(LastExit().reason(), v1::Exited::WEDGED);
  EXPECT_EQ(TimesSettled(stuck), 1u);
}

TEST_F(SessionCancelTest, AChildThatRefusesToBeInterruptedIsEnded) {
  UseScript(std::string(kInterrupts) + R"(
next_tell; read_interrupt
echo '{"type":"control_response","response":{"subtype":"error","request_id":"'$id'","error":"no"}}'
while next_tell; do :; done
)");
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("first");
  Cancel(tell);
  EXPECT_THAT(Outcome(tell).detail(), HasSubstr("refused"));
}

TEST_F(SessionCancelTest, AChildThatExitsMeanwhileCancelsToo) {
  UseScript(std::string(kInterrupts) + "next_tell; read_interrupt; exit 3\n");
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("first");
  WaitUntilWritten(tell);
  const auto one = StartCancel(tell);
  const auto two = StartCancel(tell);
  EXPECT_EQ(Finish(*one), v1::TellState::WRITTEN);
  EXPECT_EQ(Finish(*two), v1::TellState::WRITTEN);
  EXPECT_EQ(KindOfOutcome(tell), v1::FAILURE_CANCELLED);
  EXPECT_EQ(TimesSettled(tell), 1u);
}

TEST_F(SessionCancelTest, ATellOfAChildThatIsBeingEndedIsCancelledByItsEnd) {
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("HANGTERM");
  WaitUntilWritten(tell);
  Do([](Session& session) { session.Close(absl::Milliseconds(100), [](bool) {}); });
  EXPECT_EQ(Cancel(tell), v1::TellState::WRITTEN);
  EXPECT_EQ(KindOfOutcome(tell), v1::FAILURE_CANCELLED);
}

}  // namespace
}  // namespace iris
