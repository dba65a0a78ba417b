#include "agent/session/turn.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/claude/line_scanner.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kReplay[] = R"({"type":"user","uuid":"4f6d","isReplay":true})";
constexpr char kText[] = R"({"type":"assistant","message":{"model":"m"}})";
constexpr char kWell[] =
    R"({"type":"result","subtype":"success","is_error":false,"user_message_uuids":["4f6d"]})";
constexpr char kFailed[] =
    R"({"type":"result","subtype":"success","is_error":true,"result":"API Error: 500 x",)"
    R"("user_message_uuids":["4f6d"]})";
constexpr char kBrokeOff[] =
    R"({"type":"result","subtype":"error_during_execution","user_message_uuids":["4f6d"]})";

LineFacts Facts(const std::string& line) {
  struct Sink : LineScannerSink {
    void OnLinePiece(absl::string_view, bool) override {}
    void OnLine(const LineFacts& of_line, absl::string_view, bool) override { facts = of_line; }
    LineFacts facts;
  } sink;
  LineScanner scanner(sink);
  scanner.Feed(line + "\n");
  return sink.facts;
}

class TurnTest : public ::testing::Test {
 protected:
  using Heard = Turn::Heard;
  using Kind = Turn::Result::Kind;

  Heard Hear(const std::string& line) { return turn.OnLine(Facts(line), line); }
  Turn::Result Result(const std::string& line, bool text_lost = false, bool closed = false) {
    EXPECT_EQ(Hear(line), Heard::kResult);
    return turn.ReadResult(Facts(line), line, text_lost, closed);
  }
  bool Cancel() {
    return turn.Cancel([this](const absl::StatusOr<v1::TellState::Phase>&) { ++told; });
  }
  void Pass(absl::Duration time) {
    now += time;
    while (loop.RunReady()) {
    }
  }

  absl::Duration now;
  EventLoop loop{[this] { return now; }};
  Turn turn{loop, "4f6d", [] { return "claude"; }};
  const absl::Status failure = MakeFailure(v1::FAILURE_CHILD_EXITED, "it ended");
  int told = 0;
};

TEST_F(TurnTest, TheTellIsTakenUpOnce) {
  EXPECT_EQ(Hear(R"({"type":"user","uuid":"51aa","isReplay":true})"), Heard::kNothing);
  EXPECT_EQ(Hear(kText), Heard::kNothing);
  EXPECT_EQ(Hear(kReplay), Heard::kTakenUp);
  EXPECT_TRUE(turn.SpokeBefore());
  EXPECT_FALSE(turn.SpokeBefore());
  EXPECT_EQ(Hear(kText), Heard::kNothing);
  EXPECT_EQ(Hear(kReplay), Heard::kNothing);
  EXPECT_FALSE(turn.SpokeBefore());
}

TEST_F(TurnTest, OnlyItsOwnResultEndsIt) {
  EXPECT_EQ(Result(R"({"type":"result","subtype":"success","user_message_uuids":["51aa"]})").kind,
            Kind::kNotOurs);
  const Turn::Result over = Result(kWell);
  EXPECT_EQ(over.kind, Kind::kOver);
  EXPECT_TRUE(over.outcome.ok()) << over.outcome;
}

TEST_F(TurnTest, AnErrorIsNamed) {
  const Turn::Result over = Result(kFailed);
  EXPECT_EQ(over.kind, Kind::kOver);
  EXPECT_EQ(KindOf(over.outcome), v1::FAILURE_CLAUDE_ERROR);
}

TEST_F(TurnTest, ATextThatIsNotWholeIsLookedUp) {
  EXPECT_EQ(Result(kWell, /*text_lost=*/true).kind, Kind::kAwaitTranscript);
  turn.OweWhole();
  EXPECT_EQ(Result(kWell).kind, Kind::kAwaitTranscript);
  turn.OnReplayedWhole();
  EXPECT_EQ(Result(kWell).kind, Kind::kOver);
  EXPECT_EQ(KindOf(Result(kFailed, /*text_lost=*/true).outcome), v1::FAILURE_CLAUDE_ERROR);
}

TEST_F(TurnTest, ALostPermissionIsNoAnswer) {
  turn.LosePermission();
  EXPECT_EQ(KindOf(Result(kWell).outcome), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(KindOf(Result(kWell, /*text_lost=*/false, /*closed=*/true).outcome),
            v1::FAILURE_CANCELLED);
}

TEST_F(TurnTest, TheTranscriptIsLookedAtTwice) {
  std::vector<bool> looks;
  turn.AwaitTranscript("result", [&looks](bool last_time) { looks.push_back(last_time); });
  EXPECT_TRUE(turn.awaits_transcript());
  EXPECT_EQ(Result(kWell).kind, Kind::kNotOurs);
  Pass(absl::Seconds(1));
  EXPECT_THAT(looks, ElementsAre(false));
  Pass(absl::Seconds(4));
  EXPECT_THAT(looks, ElementsAre(false, true));
  EXPECT_EQ(turn.EndAwaiting(), "result");
  EXPECT_FALSE(turn.awaits_transcript());
}

TEST_F(TurnTest, WhoHasTheTranscriptDoesNotLookAgain) {
  std::vector<bool> looks;
  turn.AwaitTranscript("", [&looks](bool last_time) { looks.push_back(last_time); });
  turn.EndAwaiting();
  Pass(absl::Minutes(1));
  EXPECT_THAT(looks, IsEmpty());
}

TEST_F(TurnTest, ACancelledTurnEndsWhenBothAreThere) {
  EXPECT_TRUE(Cancel());
  EXPECT_FALSE(Cancel());
  turn.AwaitInterrupt(absl::Seconds(10), [] {});
  EXPECT_FALSE(turn.MayEnd(absl::OkStatus()));
  EXPECT_EQ(turn.OnInterruptAnswered({}), absl::OkStatus());
  EXPECT_TRUE(turn.MayEnd(absl::OkStatus()));
  for (Turn::CancelDone& done : turn.TakeCancels()) done(v1::TellState::WRITTEN);
  EXPECT_EQ(told, 2);
}

TEST_F(TurnTest, AnInterruptIsAnsweredBeforeTheTurnEnds) {
  Cancel();
  turn.AwaitInterrupt(absl::Seconds(10), [] {});
  EXPECT_EQ(turn.OnInterruptAnswered({}), std::nullopt);
  const Turn::Result over = Result(kBrokeOff);
  EXPECT_EQ(KindOf(over.outcome), v1::FAILURE_CANCELLED);
  EXPECT_TRUE(turn.MayEnd(over.outcome));
}

TEST_F(TurnTest, OneThatWasNotBegunIsOverAtOnce) {
  Cancel();
  turn.AwaitInterrupt(absl::Seconds(10), [] {});
  const auto outcome = turn.OnInterruptAnswered({"51aa", "4f6d"});
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(KindOf(*outcome), v1::FAILURE_CANCELLED);
}

TEST_F(TurnTest, OneThatDoesNotStopIsLate) {
  bool late = false;
  Cancel();
  turn.AwaitInterrupt(absl::Seconds(10), [&late] { late = true; });
  Pass(absl::Seconds(9));
  EXPECT_FALSE(late);
  Pass(absl::Seconds(1));
  EXPECT_TRUE(late);
  EXPECT_EQ(turn.OutcomeOr(failure), failure);
}

TEST_F(TurnTest, AFailureOfACancelledTurnIsItsCancelling) {
  EXPECT_EQ(turn.UnlessCancelled(failure), failure);
  Cancel();
  EXPECT_EQ(KindOf(turn.UnlessCancelled(failure)), v1::FAILURE_CANCELLED);
}

TEST_F(TurnTest, GoesOnInAnotherProgram) {
  Hear(kText);
  Hear(R"({"type":"assistant","message":{"content":[{"type":"tool_use"}]},"uuid":"call"})");
  turn.OweWhole();
  handover::Session state;
  turn.HandOver(state);
  EXPECT_EQ(state.in_flight(), "4f6d");
  Turn next(loop, "4f6d", [] { return "claude"; });
  next.AdoptHandover(state);
  EXPECT_TRUE(next.owes_whole());
  EXPECT_EQ(next.said().last, "call");
  EXPECT_TRUE(next.said().called_tool);
  EXPECT_TRUE(next.SpokeBefore());
}

}  // namespace
}  // namespace iris
