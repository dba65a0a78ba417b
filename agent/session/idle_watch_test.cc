#include "agent/session/idle_watch.h"

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/claude/line_scanner.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using Due = IdleWatch::Due;

constexpr char kRunning[] =
    R"({"type":"system","subtype":"session_state_changed","state":"running"})";
constexpr char kIdle[] = R"({"type":"system","subtype":"session_state_changed","state":"idle"})";
constexpr char kAssistant[] = R"({"type":"assistant","message":{"content":"x"}})";
constexpr char kTornAssistant[] = R"({"type":"assistant","mess{"type":"x"}age":{}})";
constexpr char kTornResult[] = R"({"subtype":"success","type":"result","res{"type":"x"}ult":""})";

// A watch of one child, whose clock a test moves.
class IdleWatchTest : public ::testing::Test, private LineScannerSink {
 protected:
  void Say(absl::string_view line) {
    LineScanner scanner(*this);
    scanner.Feed(std::string(line) + "\n");
  }
  Due After(absl::Duration more) {
    now_ += more;
    return watch_.Check(now_);
  }
  void Write() { watch_.OnTellWritten(now_); }
  void Ask() { watch_.OnAskSent(now_); }

  IdleWatch watch_;
  absl::Time now_ = absl::UnixEpoch();

 private:
  void OnLinePiece(absl::string_view, bool) override {}
  void OnLine(const LineFacts& facts, absl::string_view head, bool) override {
    watch_.OnLine(facts, head, now_);
  }
};

TEST_F(IdleWatchTest, IdleByItsOwnWordFor30SecondsItsTurnIsOver) {
  Write();
  Say(kRunning);
  EXPECT_EQ(After(absl::Hours(3)), Due::kNothing);
  Say(kAssistant);
  Say(kIdle);
  EXPECT_EQ(After(absl::Seconds(29)), Due::kNothing);
  Say(R"({"type":"command_lifecycle"})");
  EXPECT_EQ(After(absl::Seconds(1)), Due::kSettle);
  watch_.OnTellOver();
  EXPECT_EQ(After(absl::Hours(1)), Due::kNothing);
}

TEST_F(IdleWatchTest, ATurnThatGoesOnIsNotOver) {
  Write();
  Say(kRunning);
  Say(kIdle);
  EXPECT_EQ(After(absl::Seconds(20)), Due::kNothing);
  Say(kRunning);
  EXPECT_EQ(After(absl::Seconds(20)), Due::kNothing);
  Say(kIdle);
  Say(kAssistant);
  EXPECT_EQ(After(absl::Hours(1)), Due::kNothing);
}

TEST_F(IdleWatchTest, ATellThatItNeverTakesIsSettledOnlyOnceItHasReadIt) {
  Say(kRunning);
  Say(kIdle);
  After(absl::Hours(1));
  Write();
  EXPECT_EQ(After(absl::Seconds(29)), Due::kNothing);
  EXPECT_EQ(After(absl::Seconds(1)), Due::kAsk);
  Ask();
  EXPECT_EQ(After(absl::Hours(1)), Due::kNothing);  // It may be stopped.
  watch_.OnAskAnswered();
  EXPECT_EQ(After(absl::ZeroDuration()), Due::kSettle);
}

TEST_F(IdleWatchTest, ALineThatWasBrokenBeforeTheAnswerBeginsEndsNoTurn) {
  Write();
  Say(kRunning);
  Say(kTornAssistant);
  Say(kTornResult);
  watch_.OnAnswerBegins();
  EXPECT_FALSE(watch_.text_lost());
  EXPECT_FALSE(watch_.line_broken());
  Say(kRunning);
  EXPECT_EQ(After(absl::Hours(1)), Due::kNothing);
}

TEST_F(IdleWatchTest, WhereItsWordMayBeInABrokenLineItIsAsked) {
  Write();
  Say(kRunning);
  Say(kTornAssistant);
  EXPECT_TRUE(watch_.text_lost());
  EXPECT_EQ(After(absl::Seconds(29)), Due::kNothing);
  EXPECT_EQ(After(absl::Seconds(1)), Due::kAsk);
  Ask();
  EXPECT_EQ(After(absl::Seconds(14)), Due::kNothing);
  EXPECT_EQ(After(absl::Seconds(1)), Due::kLook);
  watch_.OnLooked(now_);
  EXPECT_EQ(After(absl::Seconds(44)), Due::kNothing);
  EXPECT_EQ(After(absl::Seconds(1)), Due::kLook);
  EXPECT_EQ(After(absl::Minutes(14)), Due::kSettle);
}

TEST_F(IdleWatchTest, OnceItSaysAgainThatItWorksABrokenLineIsForgotten) {
  Write();
  Say(kRunning);
  Say(kTornAssistant);
  Say(kRunning);
  EXPECT_EQ(After(absl::Hours(1)), Due::kNothing);
}

TEST_F(IdleWatchTest, ABrokenResultIsTheEndWhateverTheTranscriptSays) {
  Write();
  Say(kTornResult);
  EXPECT_EQ(After(absl::Seconds(30)), Due::kAsk);
  Ask();
  watch_.OnAskAnswered();
  EXPECT_EQ(After(absl::ZeroDuration()), Due::kSettle);
  EXPECT_FALSE(watch_.text_lost());
}

TEST_F(IdleWatchTest, ALineThatDoesNotEndIsWaitedForAsLong) {
  Write();
  Say(kRunning);
  watch_.OnPiece(now_);
  EXPECT_EQ(After(absl::Seconds(29)), Due::kNothing);
  watch_.OnPiece(now_);
  EXPECT_EQ(After(absl::Seconds(29)), Due::kNothing);
  EXPECT_EQ(After(absl::Seconds(1)), Due::kAsk);
  Ask();
  watch_.OnPiece(now_);  // The answer has become the rest of that line.
  EXPECT_EQ(After(absl::Seconds(15)), Due::kLook);
}

TEST_F(IdleWatchTest, AClaudeThatNeverSaysWhetherItWorksIsLookedAtAfter10MinutesAndNeverGivenUp) {
  Write();
  Say(kAssistant);
  EXPECT_EQ(After(absl::Minutes(9)), Due::kNothing);
  EXPECT_EQ(After(absl::Minutes(1)), Due::kAsk);
  Ask();
  watch_.OnAskAnswered();
  EXPECT_EQ(After(absl::Hours(5)), Due::kLook);
}

TEST_F(IdleWatchTest, NothingIsDueWhileSomebodyElseHoldsItUp) {
  Write();
  Say(kTornResult);
  watch_.OnHeld(true, now_);
  EXPECT_EQ(After(absl::Hours(1)), Due::kNothing);
  watch_.OnHeld(false, now_);
  EXPECT_EQ(After(absl::Seconds(29)), Due::kNothing);
  EXPECT_EQ(After(absl::Seconds(1)), Due::kAsk);
}

TEST_F(IdleWatchTest, NoiseIsNoBrokenLine) {
  Write();
  Say(kRunning);
  for (const char* line : {"words", "", "7", "[1", "{ of a hook }", "{'level': 'info'}"}) Say(line);
  EXPECT_EQ(After(absl::Hours(1)), Due::kNothing);
  EXPECT_FALSE(watch_.line_broken());
}

// What went before it on its line is no reason to miss it.
TEST_F(IdleWatchTest, ALineOfClaudesBehindOtherWordsOrWithoutItsStartIsABrokenOne) {
  const std::string behind = "words of a hook";
  for (const std::string& line :
       {behind + kIdle, behind + kAssistant, behind + R"({"subtype":"success","type":"result"})",
        std::string(R"(ult":"","total_cost_usd":0})"), std::string(R"("},"session_id":"1"})"),
        std::string(R"({"ty)"), std::string("{")}) {
    Write();
    Say(kRunning);
    Say(line);
    EXPECT_TRUE(watch_.line_broken()) << line;
    EXPECT_EQ(After(absl::Seconds(30)), Due::kAsk) << line;
    watch_.OnTellOver();
  }
  Write();
  Say(behind + kAssistant);
  EXPECT_TRUE(watch_.text_lost());
}

TEST_F(IdleWatchTest, AnotherBuildGoesOnWithWhatThisOneKnows) {
  Write();
  Say(kTornAssistant);
  Say(kRunning);
  Say(kIdle);
  IdleWatch next;
  next.Resume(watch_.seen(), /*in_turn=*/true, now_);
  watch_ = next;
  EXPECT_TRUE(watch_.text_lost());
  EXPECT_EQ(After(absl::Seconds(30)), Due::kSettle);
}

TEST_F(IdleWatchTest, AnotherBuildDoesNotTakeAnIdleOfBeforeTheTellForItsEnd) {
  Say(kRunning);
  Say(kIdle);
  Write();
  IdleWatch next;
  next.Resume(watch_.seen(), /*in_turn=*/true, now_);
  watch_ = next;
  EXPECT_EQ(After(absl::Seconds(30)), Due::kAsk);
}

TEST_F(IdleWatchTest, AnotherBuildKnowsThatAWorkingClaudeSaysSo) {
  Say(kRunning);
  IdleWatch next;
  next.Resume(watch_.seen(), /*in_turn=*/false, now_);
  watch_ = next;
  Write();
  EXPECT_EQ(After(absl::Hours(1)), Due::kNothing);
}

}  // namespace
}  // namespace iris
