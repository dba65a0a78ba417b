// What becomes of tells, over a real child.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/session/session.h"
#include "agent/session/session_fixture.h"
#include "agent/testing/processes.h"
#include "common/base/ids.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SessionTellsTest : public SessionFixture {
 protected:
  // Index of the first output event that holds `text`, or of the settlement of `text`.
  size_t OutputAt(const std::string& text) {
    const std::vector<v1::Event> all = events();
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].output().bytes().find(text) != std::string::npos) return i;
    }
    return all.size();
  }
  absl::Status Repeat(const std::string& tell_id, const std::string& text) {
    absl::Status status;
    Do([&](Session& session) { status = session.Tell(tell_id, text, /*repeat=*/true); });
    return status;
  }
  size_t SettledAt(const std::string& tell_id) {
    const std::vector<v1::Event> all = events();
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].settled().tell_id() == tell_id) return i;
    }
    return all.size();
  }
};

TEST_F(SessionTellsTest, ATellIsAcceptedWrittenAndSettled) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("hello"), "ECHO: hello");
  EXPECT_THAT(story(), ElementsAre("started", "accepted", "written", "settled"));
}

TEST_F(SessionTellsTest, TheLinesOfTheChildArriveByteForByte) {
  UseScript(R"(next_tell; printf '{"odd"  : "sp\tace"}\n\n42\nno json\n\377\376\n'; done_with $uuid
               read -r end)");
  ASSERT_TRUE(Open().ok());
  const size_t from = events().size();
  EXPECT_EQ(Outcome(Tell("x")).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_THAT(output(from),
              testing::StartsWith("{\"odd\"  : \"sp\tace\"}\n\n42\nno json\n\377\376\n"
                                  "{\"type\":\"result\""));
}

TEST_F(SessionTellsTest, TwentyTellsBeforeItIsReadyAreAnsweredInOrderByOneChild) {
  Do([this](Session& session) {
    session.Open(spec, [](const absl::StatusOr<v1::OpenResponse>&) {});
  });
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(Tell(absl::StrCat("number ", i)));

  for (int i = 0; i < 20; ++i) EXPECT_EQ(Answer(ids[i]), absl::StrCat("ECHO: number ", i));
  for (int i = 1; i < 20; ++i) EXPECT_LT(SettledAt(ids[i - 1]), SettledAt(ids[i]));
  EXPECT_EQ(CountOf(v1::Event::kStarted), 1u);
  EXPECT_EQ(Ask("COUNT"), "21");  // One turn each: none were merged.
}

TEST_F(SessionTellsTest, ARepeatedIdChangesNothing) {
  ASSERT_TRUE(Open().ok());
  const std::string id = NewUuid();
  const std::string text = Held("WAIT");
  ASSERT_TRUE(TryTell(id, text).ok());
  ASSERT_TRUE(Repeat(id, text).ok());  // In flight.
  LetGo();
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED);
  ASSERT_TRUE(Repeat(id, text).ok());  // Settled.

  EXPECT_EQ(Ask("COUNT"), "2");
  EXPECT_EQ(CountOf(v1::Event::kAccepted), 2u);
  EXPECT_EQ(CountOf(v1::Event::kSettled), 2u);
  EXPECT_EQ(CountOf(v1::Event::kGap), 0u);
}

TEST_F(SessionTellsTest, GarbageAndThinkingDoNotConfuseATurn) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("GARBAGE"), "garbage over");
  EXPECT_THAT(output(), HasSubstr("this is no JSON\n\n42\n"));
  EXPECT_EQ(Ask("THINK\nBLOCKS 2"), "block 1\nblock 2\n");
  EXPECT_EQ(Ask("CHUNK 1\nSPLIT"), "Grüße, 世界! Ελλάδα 🚀 naïve café.");
}

TEST_F(SessionTellsTest, ALongTellArrivesWholeAndALongerOneIsRefused) {
  ASSERT_TRUE(Open().ok());
  std::string text = "SUM ";
  while (text.size() < TellQueue::kTellBytesMax) text += "0123456789äöü\n\"\\";
  text.resize(TellQueue::kTellBytesMax - 1);
  while ((text.back() & 0x80) != 0) text.pop_back();
  text.resize(TellQueue::kTellBytesMax, 'x');
  EXPECT_EQ(Ask(text), "SUM " + StubChecksum(text.substr(4)));

  EXPECT_EQ(Outcome(Tell(text + "x")).kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(CountOf(v1::Event::kStarted), 1u);
}

TEST_F(SessionTellsTest, WhatIsNotUtf8IsRefusedAndHarmsNobody) {
  ASSERT_TRUE(Open().ok());
  const v1::Failure failure = Outcome(Tell("caf\xE9"));
  EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(failure.detail(), HasSubstr("UTF-8"));
  EXPECT_EQ(Ask("COUNT"), "1");
  EXPECT_EQ(CountOf(v1::Event::kStarted), 1u);
}

TEST_F(SessionTellsTest, APeersMistakesAreReturnedAndNotRecorded) {
  EXPECT_EQ(KindOf(TryTell(NewUuid(), "not opened yet")), v1::FAILURE_BAD_REQUEST);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(KindOf(TryTell("no uuid", "x")), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(story(), ElementsAre("started"));
}

TEST_F(SessionTellsTest, WhatWaitsIsBoundedInNumber) {
  ASSERT_TRUE(Open().ok());
  const std::string first = Tell("HANG");
  for (size_t i = 0; i < TellQueue::kTellsWaitingMax; ++i) Tell("waits");
  EXPECT_EQ(CountOf(v1::Event::kSettled), 0u);
  EXPECT_EQ(Outcome(Tell("one too many")).kind(), v1::FAILURE_BUSY_LIMIT);
  EXPECT_EQ(Info().tells_waiting(), TellQueue::kTellsWaitingMax);
}

TEST_F(SessionTellsTest, WhatWaitsIsBoundedInBytes) {
  ASSERT_TRUE(Open().ok());
  Tell("HANG");
  const std::string large(TellQueue::kTellBytesMax, 'x');
  for (size_t i = 0; i < TellQueue::kWaitingBytesMax / large.size(); ++i) Tell(large);
  EXPECT_EQ(CountOf(v1::Event::kSettled), 0u);
  EXPECT_EQ(Outcome(Tell("x")).kind(), v1::FAILURE_BUSY_LIMIT);
}

TEST_F(SessionTellsTest, ErrorsOfATurnAreTypedAndTheChildGoesOn) {
  ASSERT_TRUE(Open().ok());
  const v1::Failure api = Outcome(Tell("ISERROR 529"));
  EXPECT_EQ(api.kind(), v1::FAILURE_CLAUDE_ERROR);
  EXPECT_THAT(api.detail(), AllOf(HasSubstr("team gpu on gpu1"), HasSubstr("API Error: 529")));
  EXPECT_EQ(api.fix(), kFixApiBusy);
  EXPECT_EQ(Outcome(Tell("ISERROR 400")).fix(), kFixApiRefused);
  const v1::Failure turn = Outcome(Tell("ERRTURN"));
  EXPECT_EQ(turn.kind(), v1::FAILURE_CLAUDE_ERROR);
  EXPECT_THAT(turn.detail(), HasSubstr("the stub was asked to fail"));
  EXPECT_EQ(turn.fix(), "");
  EXPECT_EQ(Ask("COUNT"), "4");
  EXPECT_EQ(CountOf(v1::Event::kStarted), 1u);
}

TEST_F(SessionTellsTest, NotLoggedInIsAKindOfItsOwn) {
  (*spec.mutable_env())["STUB_NOT_LOGGED_IN"] = "1";
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("x")).kind(), v1::FAILURE_CLAUDE_NOT_LOGGED_IN);
}

TEST_F(SessionTellsTest, ATurnThatNobodyAskedForSettlesNothing) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("BACKGROUND 0.02"), "background task started");
  ASSERT_TRUE(WaitForOutput("background task finished"));
  EXPECT_EQ(Ask("BLOCKS 1"), "block 1\n");
  EXPECT_EQ(CountOf(v1::Event::kSettled), 2u);
}

TEST_F(SessionTellsTest, AResultSettlesOnlyTheTellThatItNames) {
  UseScript(R"(next_tell
    echo '{"type":"result","subtype":"success","is_error":false,"note":"of nobody"}'
    done_with 00000000-0000-4000-8000-000000000000
    echo '{"type":"mine"}'
    done_with $uuid; read -r end)");
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell("x");
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_GT(SettledAt(id), OutputAt("mine"));
}

TEST_F(SessionTellsTest, AnOldClaudeSettlesOnlyAfterItsReplay) {
  UseScript(R"(next_tell
    echo '{"type":"result","subtype":"success","is_error":false,"note":"before"}'
    echo '{"type":"user","uuid":"00000000-0000-4000-8000-000000000000","isReplay":true}'
    echo '{"type":"result","subtype":"success","is_error":false,"note":"of another"}'
    echo '{"type":"user","uuid":"'$uuid'","isReplay":true}'
    echo '{"type":"result","subtype":"success","is_error":false,"note":"mine"}'; read -r end)");
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell("x");
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(SettledAt(id), OutputAt("mine") + 1);
}

// As where a background task has ended, and claude still speaks of it.
TEST_F(SessionTellsTest, WhatClaudeSaysBeforeItTakesTheMessageUpIsNoAnswer) {
  UseScript(
      R"(say() { echo '{"type":"assistant","message":{"content":[{"type":"text","text":"'$1'"}]}}'; }
    replay() { echo '{"type":"user","uuid":"'$uuid'","isReplay":true}'; }
    while next_tell; do
      say task
      echo '{"type":"result","subtype":"success","is_error":false,"user_message_uuids":[]}'
      replay; say one; replay; say two; done_with $uuid
      next_tell; replay; say three; done_with $uuid
    done)");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("x"), "onetwo");  // A line that is repeated once more begins nothing.
  EXPECT_EQ(CountOf(v1::Event::kGap), 1u);
  EXPECT_EQ(Ask("x"), "three");
  EXPECT_EQ(CountOf(v1::Event::kGap), 1u);
}

TEST_F(SessionTellsTest, ALineThatWasBrokenBeforeThatIsNoMatterOfTheAnswer) {
  UseScript(R"(next_tell
    echo '{"type":"assistant","mess'
    echo '{"type":"user","uuid":"'$uuid'","isReplay":true}'
    done_with $uuid; read -r end)");
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell("x");
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(CountOf(v1::Event::kGap), 1u);
  EXPECT_EQ(SettledAt(id), OutputAt("user_message_uuids") + 1);  // No transcript is waited for.
}

TEST_F(SessionTellsTest, OfAClaudeThatRepeatsNoLineAllCounts) {
  UseScript(R"(next_tell
    echo '{"type":"assistant","message":{"content":[{"type":"text","text":"all"}]}}'
    done_with $uuid; read -r end)");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("x"), "all");
  EXPECT_EQ(CountOf(v1::Event::kGap), 0u);
}

TEST_F(SessionTellsTest, AnOldClaudeAnswersTellAfterTell) {
  (*spec.mutable_env())["STUB_OLD"] = "1";
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Ask("BACKGROUND 0.02"), "background task started");
  ASSERT_TRUE(WaitForOutput("background task finished"));
  const std::string first = Tell("BLOCKS 2");
  const std::string second = Tell("hello");
  EXPECT_EQ(Answer(first), "block 1\nblock 2\n");
  EXPECT_EQ(Answer(second), "ECHO: hello");
  EXPECT_EQ(output().find("user_message_uuids"), std::string::npos);  // It is old indeed.
}

TEST_F(SessionTellsTest, APermissionNobodyCanGiveIsDeniedAndTheTurnGoesOn) {
  spec.add_args("--permission-prompt-tool");
  spec.add_args("stdio");
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell("PERMIT");
  EXPECT_THAT(Answer(id), HasSubstr("TOOL-DONE: Iris cannot ask anybody here."));
  // Nothing ever waited.
  EXPECT_THAT(story(), ElementsAre("started", "accepted", "written", "settled"));
}

TEST_F(SessionTellsTest, AnAnswerThatOnlyTheTranscriptHasIsTold) {
  ASSERT_TRUE(Open().ok());
  const std::string id = Tell("CRASHLATE 4");
  EXPECT_EQ(Outcome(id).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_EQ(LastExit().code(), 4);
  EXPECT_EQ(CountOf(v1::Event::kGap), 1u);
  EXPECT_EQ(Ask("COUNT"), "2");
}

TEST_F(SessionTellsTest, AnUnknownRequestOfTheChildIsRefused) {
  UseScript(R"(next_tell
    echo '{"type":"control_request","request_id":"q1","request":{"subtype":"fly"}}'
    read -r answer; echo "$answer"; done_with $uuid; read -r end)");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Outcome(Tell("x")).kind(), v1::FAILURE_UNSPECIFIED);
  EXPECT_THAT(output(), HasSubstr(R"("request_id":"q1","subtype":"error")"));
}

TEST_F(SessionTellsTest, AFullJournalStopsTheChildUntilItIsAcknowledgedAndNothingIsLost) {
  ASSERT_TRUE(Open().ok());
  const pid_t claude = static_cast<pid_t>(Info().child().pid());
  constexpr size_t kBytes = 10 << 20;  // Said twice: by the assistant and in the result.
  const std::string id = Tell(absl::StrCat("BIG ", kBytes));
  ASSERT_TRUE(
      Eventually([&] { return Info().journal_bytes() >= kQuotaBytes && StateOf(claude) == 'S'; }));
  EXPECT_LE(Info().journal_bytes(), kQuotaBytes + (64 << 10) + 1024);
  EXPECT_EQ(CountOf(v1::Event::kSettled), 0u);

  KeepAcknowledging();
  const std::string answer = Answer(id);
  std::string expected;
  for (int i = 0; expected.size() < kBytes; ++i) {
    const std::string number = std::to_string(i);
    expected += std::string(7 - number.size(), '0') + number + " ";
  }
  expected.resize(kBytes);
  EXPECT_TRUE(answer == expected) << answer.size() << " bytes";
  EXPECT_TRUE(Eventually([&] { return Info().journal_bytes() < size_t{1} << 20; }));
}

}  // namespace
}  // namespace iris
