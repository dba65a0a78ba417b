#include "agent/claude/claude_child.h"

#include <signal.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/claude/stream_json.h"
#include "agent/testing/fake_child.h"
#include "common/json/peer_json.h"
#include "common/loop/event_loop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One claude without a process, on a clock that the test moves.
class ClaudeChildTest : public ::testing::Test, protected ClaudeSink {
 protected:
  ClaudeChildTest() {
    absl::StatusOr<std::unique_ptr<ClaudeChild>> started = ClaudeChild::Start(
        loop, {.program = "/bin/claude"}, /*resumed=*/false, FakeChild::Into(&child), *this);
    EXPECT_TRUE(started.ok()) << started.status();
    claude = *std::move(started);
    claude->Initialize(absl::Seconds(30));
  }

  void Pass(absl::Duration time) {
    now += time;
    while (loop.RunReady()) {
    }
  }
  // The id of the control request that it was told last.
  std::string LastId() { return TextIn(ParsePeerJson(child->written().back()), "request_id"); }
  void Respond(const std::string& id, const std::string& subtype = "success",
               const std::string& more = "\"response\":{}") {
    child->Say(absl::StrCat(R"({"type":"control_response","response":{"subtype":")", subtype,
                            R"(","request_id":")", id, "\",", more, "}}"));
  }
  void MakeReady() { Respond(LastId()); }

  void OnStarted() override { Hear("started"); }
  void OnReady() override { Hear("ready"); }
  void OnNotReady(NotReady reason, const std::string& why) override {
    Hear(absl::StrCat("not ready ", static_cast<int>(reason), why));
  }
  void OnPiece(absl::string_view, bool) override {}
  void OnLine(const LineFacts&, absl::string_view, bool) override { ++lines; }
  void OnProbeAnswered() override { Hear("probe answered"); }
  void OnInterruptAnswered(const std::vector<std::string>& dropped) override {
    Hear(absl::StrCat("interrupted, dropped ", dropped.size()));
  }
  void OnInterruptRefused() override { Hear("interrupt refused"); }
  void OnRequest(const std::string& request_id, absl::string_view) override {
    Hear("asks " + request_id);
  }
  void OnRequestWithdrawn(const std::string& request_id) override {
    Hear("withdraws " + request_id);
  }
  void OnDeaf() override { Hear("deaf"); }
  void OnStderr(absl::string_view) override {}
  void OnExited(const absl::StatusOr<ExitStatus>&, bool was_starting) override {
    Hear(was_starting ? "exited while starting" : "exited");
  }
  void OnGone() override {
    Hear("gone");
    claude.reset();
  }
  void Hear(const std::string& what) { heard.push_back(what); }

  absl::Duration now;
  EventLoop loop{[this] { return now; }};
  FakeChild* child = nullptr;
  std::unique_ptr<ClaudeChild> claude;
  std::vector<std::string> heard;
  int lines = 0;
};

TEST_F(ClaudeChildTest, IsReadyWhenInitializeIsAnswered) {
  EXPECT_THAT(child->written(), ElementsAre(InitializeLine(LastId())));
  EXPECT_EQ(claude->state(), ClaudeChild::State::kStarting);
  Respond("somebody-elses");
  EXPECT_THAT(heard, IsEmpty());
  MakeReady();
  EXPECT_THAT(heard, ElementsAre("ready"));
  EXPECT_EQ(claude->state(), ClaudeChild::State::kReady);
  Pass(absl::Minutes(1));
  EXPECT_THAT(heard, ElementsAre("ready"));
}

TEST_F(ClaudeChildTest, IsNotReadyInTimeOnlyOnce) {
  Pass(absl::Seconds(29));
  EXPECT_THAT(heard, IsEmpty());
  Pass(absl::Seconds(2));
  Pass(absl::Minutes(2));
  EXPECT_THAT(heard, ElementsAre("not ready 0"));
}

TEST_F(ClaudeChildTest, MayRefuseInitialize) {
  Respond(LastId(), "error", R"("error":" too old")");
  EXPECT_THAT(heard, ElementsAre("not ready 1 too old"));
}

TEST_F(ClaudeChildTest, AnEchoIsNoClaude) {
  child->Say(child->written().front());
  EXPECT_THAT(heard, ElementsAre("not ready 2"));
}

TEST_F(ClaudeChildTest, AnAnswerCountsForTheNewestProbeAlone) {
  MakeReady();
  claude->Send("4f6d", "hello");
  EXPECT_EQ(child->written().back(), MessageLine("4f6d", "hello"));
  claude->Probe();
  const std::string first = LastId();
  claude->Probe();
  const std::string second = LastId();
  ASSERT_NE(first, second);
  Respond(first);
  EXPECT_THAT(heard, ElementsAre("ready"));
  Respond(second);
  EXPECT_THAT(heard, ElementsAre("ready", "probe answered"));
}

TEST_F(ClaudeChildTest, AnAnswerThatComesBehindTheNextMessageDoesNotCount) {
  MakeReady();
  claude->Probe();
  const std::string probe = LastId();
  claude->Interrupt();
  const std::string interrupt = LastId();
  claude->Send("4f6d", "hello");
  Respond(probe);
  Respond(interrupt);
  EXPECT_THAT(heard, ElementsAre("ready"));
}

TEST_F(ClaudeChildTest, AnInterruptIsAnsweredOnceOrRefused) {
  MakeReady();
  claude->Interrupt();
  Respond(LastId(), "success", R"("response":{"cancelled":["4f6d"]})");
  Respond(LastId());
  claude->Interrupt();
  Respond(LastId(), "error", R"("error":"no")");
  EXPECT_THAT(heard, ElementsAre("ready", "interrupted, dropped 1", "interrupt refused"));
}

TEST_F(ClaudeChildTest, AsksAndWithdraws) {
  MakeReady();
  child->Say(R"({"type":"control_request","request_id":"p1","request":{}})");
  child->Say(R"({"type":"control_cancel_request","request_id":"p1"})");
  child->Say(R"({"type":"control_request","request":{}})");  // It cannot be answered.
  EXPECT_THAT(heard, ElementsAre("ready", "asks p1", "withdraws p1"));
  claude->Decide("p1", R"({"behavior":"deny"})");
  EXPECT_EQ(child->written().back(), DecisionLine("p1", R"({"behavior":"deny"})"));
  EXPECT_EQ(lines, 4);
}

TEST_F(ClaudeChildTest, OneThatReadsNoAnswersIsDeafAndHearsNothingMore) {
  MakeReady();
  child->StopReading();
  claude->Send("4f6d", std::string(2 * ClaudeChild::kUnreadBytesMax, 'x'));
  const std::string answer(ClaudeChild::kUnreadBytesMax / 2, 'x');
  claude->Refuse("p1", answer);  // A message is no matter of this.
  Pass(absl::ZeroDuration());
  EXPECT_THAT(heard, ElementsAre("ready"));
  claude->Refuse("p2", answer);
  const size_t told = child->written().size();
  claude->Refuse("p3", "short");
  EXPECT_EQ(child->written().size(), told);
  Pass(absl::ZeroDuration());
  EXPECT_THAT(heard, ElementsAre("ready", "deaf"));
}

TEST_F(ClaudeChildTest, EndsByTheEndOfItsInputThenByForce) {
  MakeReady();
  claude->End(absl::Seconds(2));
  EXPECT_TRUE(child->stdin_closed());
  claude->Probe();
  EXPECT_THAT(child->written().back(), HasSubstr("initialize"));
  Pass(absl::Seconds(1));
  EXPECT_THAT(child->signals(), IsEmpty());
  Pass(absl::Seconds(1));
  EXPECT_THAT(child->signals(), ElementsAre(SIGTERM));
  EXPECT_FALSE(child->killed());
  Pass(absl::Seconds(2));
  EXPECT_TRUE(child->killed());
}

TEST_F(ClaudeChildTest, ItsLastLineCountsWithoutItsNewline) {
  MakeReady();
  child->SayBytes(R"({"type":"result"})");
  const int before = lines;
  child->Exit(0);
  EXPECT_EQ(lines, before + 1);
  EXPECT_EQ(claude->state(), ClaudeChild::State::kEnding);
  child->Go();
  EXPECT_THAT(heard, ElementsAre("ready", "exited", "gone"));
  EXPECT_EQ(child, nullptr);
}

TEST_F(ClaudeChildTest, ALateAnswerDoesNotMakeReadyWhatHasEnded) {
  const std::string id = LastId();
  child->SayBytes(
      absl::StrCat(R"({"type":"control_response","response":{"subtype":"success","request_id":")",
                   id, R"("}})"));
  child->Exit(1);
  EXPECT_THAT(heard, ElementsAre("exited while starting"));
}

TEST_F(ClaudeChildTest, KeepsTheEndOfWhatItSaysOnStderr) {
  child->SayOnStderr(std::string(ClaudeChild::kStderrTailBytes, 'a'));
  child->SayOnStderr("end");
  EXPECT_EQ(claude->stderr_tail().size(), ClaudeChild::kStderrTailBytes);
  EXPECT_THAT(claude->stderr_tail(), HasSubstr("aend"));
}

}  // namespace
}  // namespace iris
