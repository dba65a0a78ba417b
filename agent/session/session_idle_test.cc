// Turns whose end, or whose text, was lost on claude's stdout.

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/session/session_fixture.h"
#include "gmock/gmock.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

class SessionIdleTest : public SessionFixture {
 protected:
  SessionIdleTest() {
    Do([](Session& session) {
      session.set_idle_limits({.check_every = absl::Milliseconds(50),
                               .idle = absl::Milliseconds(300),
                               .answer = absl::Milliseconds(300),
                               .silence = absl::Milliseconds(900),
                               .give_up = absl::Seconds(2)});
    });
  }
  // What a reader takes for the answer: what comes after the last gap.
  std::string Told(const std::string& tell_id) {
    const v1::Failure failure = Outcome(tell_id);
    EXPECT_EQ(failure.kind(), v1::FAILURE_UNSPECIFIED) << failure.detail();
    const std::vector<v1::Event> all = events();
    size_t from = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].gap().tell_id() == tell_id) from = i;
    }
    EXPECT_NE(from, 0u) << "it was not replayed";
    return output(from);
  }
};

TEST_F(SessionIdleTest, WithoutItsResultLineTheTranscriptHasTheAnswerAndTheQueueGoesOn) {
  ASSERT_TRUE(Open().ok());
  for (const char* how : {"torn", "cut", "missing", "open"}) {
    const std::string broken = Tell(std::string("DAMAGE ") + how + " result\nBLOCKS 2");
    const std::string next = Tell("after it");
    EXPECT_THAT(Told(broken), HasSubstr("block 2")) << how;
    EXPECT_EQ(Answer(next), "ECHO: after it") << how;
  }
}

TEST_F(SessionIdleTest, ABrokenLineOfTheAnswerIsTakenFromTheTranscript) {
  ASSERT_TRUE(Open().ok());
  for (const char* how : {"torn", "cut", "missing result\nDAMAGE torn"}) {
    const std::string tell = Tell(std::string("DAMAGE ") + how + " assistant\nBLOCKS 3");
    const std::string told = Told(tell);
    for (const char* block : {"block 1", "block 2", "block 3"}) EXPECT_THAT(told, HasSubstr(block));
    EXPECT_EQ(Ask("next"), "ECHO: next");
  }
}

TEST_F(SessionIdleTest, AWorkingClaudeIsLeftAlone) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("WAIT 3"), "ECHO: WAIT 3");
  EXPECT_THAT(Ask("TOOL 3"), HasSubstr("TOOL-DONE"));
  EXPECT_EQ(CountOf(v1::Event::kGap), 0u);
}

constexpr char kTakes[] = R"(next_tell
echo '{"type":"system","subtype":"session_state_changed","state":"running"}'
echo '{"type":"assistant","message":{"content":[{"type":"text","text":"said"}]}}'
)";
constexpr char kSaysIdle[] = R"(
echo '{"type":"system","subtype":"session_state_changed","state":"idle"}'
)";
// Answers every control request, and takes no tell.
constexpr char kAnswersRequests[] = R"(
while read -r line; do
  case $line in *control_request*)
    echo '{"type":"control_response","response":{"subtype":"success","request_id":"'$(value request_id)'"}}';;
  esac
done
)";

TEST_F(SessionIdleTest, WhereNothingSaysHowItEndedItIsAmbiguous) {
  UseScript(std::string(kTakes) + kSaysIdle + kAnswersRequests);
  ASSERT_TRUE(Open().ok());
  const v1::Failure failure = Outcome(Tell("hello"));
  EXPECT_EQ(failure.kind(), v1::FAILURE_AMBIGUOUS);
  EXPECT_THAT(failure.detail(), HasSubstr("is idle"));
}

TEST_F(SessionIdleTest, ATellThatAnIdleClaudeNeverTookIsAmbiguous) {
  UseScript(std::string(kSaysIdle) + kAnswersRequests);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("hello")).kind(), v1::FAILURE_AMBIGUOUS);
}

TEST_F(SessionIdleTest, AResultOfAnotherTellEndsNothingAndDoesNotHoldUp) {
  UseScript(std::string(kTakes) + "done_with somebody-else\n" + kSaysIdle + kAnswersRequests);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("hello")).kind(), v1::FAILURE_AMBIGUOUS);
}

TEST_F(SessionIdleTest, AResultWhoseNewlineIsMissingCounts) {
  UseScript(std::string(R"(next_tell
printf '%s' '{"type":"result","subtype":"success","is_error":false,"user_message_uuids":["'$uuid'"]}'
)") + kAnswersRequests);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Answer(Tell("hello")), "");
}

TEST_F(SessionIdleTest, ACutResultOfAClaudeThatAnswersNothingMoreIsBoundedAndItIsEnded) {
  UseScript(R"(next_tell
printf '%s' '{"type":"result","subtype":"suc'
exec sleep 1000
)");
  ASSERT_TRUE(Open().ok());
  const std::string tell = Tell("hello");
  EXPECT_EQ(Outcome(tell).kind(), v1::FAILURE_AMBIGUOUS);
  ASSERT_TRUE(WaitFor([](const std::vector<v1::Event>& events) {
    return !events.empty() && events.back().has_exited();
  }));
  EXPECT_EQ(LastExit().reason(), v1::Exited::WEDGED);
}

TEST_F(SessionIdleTest, WhatWaitsBehindAWedgedTurnIsWrittenToTheNextClaude) {
  UseScript(R"(
if mkdir been-here 2>/dev/null; then
  next_tell
  printf '%s' '{"type":"result","subtype":"suc'
  exec sleep 1000
fi
next_tell && done_with "$uuid"
)" + std::string(kAnswersRequests));
  ASSERT_TRUE(Open().ok());
  const std::string wedged = Tell("one"), next = Tell("two");
  EXPECT_EQ(Outcome(wedged).kind(), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(Outcome(next).kind(), v1::FAILURE_UNSPECIFIED) << Outcome(next).detail();
  EXPECT_EQ(CountOf(v1::Event::kWritten), 2u);
}

TEST_F(SessionIdleTest, AResultWithoutItsNewlineThatComesLateSettlesItsOwnTellAlone) {
  UseScript(std::string(kTakes) + kSaysIdle + R"(
printf '%s' '{"type":"result","subtype":"success","is_error":false,"user_message_uuids":["'$uuid'"]}'
next_tell
done_with "$uuid"
)" + kAnswersRequests);
  ASSERT_TRUE(Open().ok());
  const std::string one = Tell("one"), two = Tell("two");
  EXPECT_EQ(Outcome(one).kind(), v1::FAILURE_UNSPECIFIED) << Outcome(one).detail();
  EXPECT_EQ(Outcome(two).kind(), v1::FAILURE_UNSPECIFIED) << Outcome(two).detail();
}

// It answers nothing, as one that works in one thread alone.
TEST_F(SessionIdleTest, AClaudeThatWorkedWhenItWasAskedIsLookedAtOnceItRests) {
  std::string folder = project;
  for (char& c : folder) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '-';
  }
  folder = absl::StrCat(home, "/.claude/projects/", folder);
  const std::string file = absl::StrCat("'", folder, "/", session_id, ".jsonl'");
  UseScript(absl::StrCat(
      "next_tell; mkdir -p '", folder, "'\n",
      R"(echo '{"type":"user","uuid":"'$uuid'","message":{"role":"user","content":"x"}}' >)", file,
      "\n",
      R"(echo '{"type":"assistant","message":{"model":"m","stop_reason":"end_turn","content":)"
      R"([{"type":"text","text":"of the transcript"}]}}' >>)",
      file, "\nread -r asked; i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); done\n",
      "exec sleep 1000\n"));
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Told(Tell("hello")), HasSubstr("of the transcript"));
}

TEST_F(SessionIdleTest, ATextThatNoTranscriptHasIsLeftToTheReader) {
  UseScript(R"(next_tell
echo '{"type":"assistant","message":{"content":[{"type":"te'
done_with "$uuid"
)" + std::string(kAnswersRequests));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("hello")).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(CountOf(v1::Event::kGap), 0u);
}

TEST_F(SessionIdleTest, AClaudeThatEndsWhileItsTranscriptIsLookedAtHasAnswered) {
  UseScript(R"(next_tell
echo '{"type":"assistant","message":{"content":[{"type":"te'
done_with "$uuid"
exit 0
)");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("hello")).kind(), v1::FAILURE_UNSPECIFIED);
}

}  // namespace
}  // namespace iris
