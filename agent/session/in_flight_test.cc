#include "agent/session/in_flight.h"

#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/claude/stream_json.h"
#include "agent/session/part_fixture.h"
#include "agent/testing/fake_child.h"
#include "agent/testing/held_work.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kA = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
const std::string kB = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";

// A claude that is no process, and the parts of a session that follow it.
class InFlightTest : public PartFixture,
                     protected ClaudeSink,
                     protected RequestSink,
                     protected InFlightSink {
 protected:
  InFlightTest() {
    absl::StatusOr<std::unique_ptr<ClaudeChild>> started =
        ClaudeChild::Start(loop, {}, /*resumed=*/false, FakeChild::Into(&child), *this);
    EXPECT_TRUE(started.ok()) << started.status();
    claude = *std::move(started);
    claude->Initialize(absl::Seconds(30));
    Respond("\"response\":{}");
    in_flight.SetChild(claude.get());
  }

  // Two tells are accepted, and the first one is written.
  void Write() {
    for (const std::string& id : {kA, kB}) queue.Offer(id, "x", false, false, /*opened=*/true);
    in_flight.WriteNext();
  }
  // It answers the control request that it got last.
  void Respond(const std::string& more, const std::string& subtype = "success") {
    const std::string id = TextIn(ParsePeerJson(child->written().back()), "request_id");
    child->Say(absl::StrCat(R"({"type":"control_response","response":{"subtype":")", subtype,
                            R"(","request_id":")", id, "\",", more, "}}"));
  }
  void SayReplay() {
    child->Say(absl::StrCat(R"({"type":"user","isReplay":true,"uuid":")", kA, "\"}"));
  }
  void SayText() { child->Say(R"({"type":"assistant","message":{"model":"m"}})"); }
  void SayResult(const std::string& subtype = "success") {
    child->Say(absl::StrCat(R"({"type":"result","is_error":false,"subtype":")", subtype,
                            R"(","user_message_uuids":[")", kA, "\"]}"));
  }
  void Transcribe() {
    transcript = scratch.File("transcript.jsonl");
    std::ofstream(transcript) << R"({"type":"user","uuid":")" << kA
                              << R"(","message":{"content":"x"}})"
                              << "\n"
                              << R"({"type":"assistant","message":{"content":[{"type":"text"}],)"
                              << R"("stop_reason":"end_turn"}})"
                              << "\n";
  }
  void PassSeconds(int seconds) {
    for (int i = 0; i < seconds; ++i) Pass(absl::Seconds(1));
  }
  // How the first tell came out: "settled …", or what happened last.
  std::string Outcome() {
    std::string outcome = Story().back();
    for (const std::string& event : Story()) {
      if (event.find("settled " + kA) == 0) outcome = event.substr(("settled " + kA).size());
    }
    return outcome;
  }

  void OnStarted() override {}
  void OnReady() override {}
  void OnNotReady(NotReady, const std::string&) override {}
  void OnPiece(absl::string_view piece, bool ends) override { in_flight.OnPiece(piece, ends); }
  void OnLine(const LineFacts& facts, absl::string_view head, bool whole) override {
    in_flight.OnLine(facts, head, whole);
  }
  void OnProbeAnswered() override { in_flight.OnProbeAnswered(); }
  void OnInterruptAnswered(const std::vector<std::string>& dropped) override {
    in_flight.OnInterruptAnswered(dropped);
  }
  void OnInterruptRefused() override { in_flight.OnInterruptRefused(); }
  void OnRequest(const std::string&, absl::string_view) override {}
  void OnRequestWithdrawn(const std::string&) override {}
  void OnDeaf() override {}
  void OnStderr(absl::string_view) override {}
  void OnExited(const absl::StatusOr<ExitStatus>&, bool) override { in_flight.OnChildExited(); }
  void OnGone() override {}
  void OnDecision(const std::string&, const std::string&) override {}
  void OnRefusal(const std::string&, const std::string&) override {}
  void OnAsked(const std::string&, const std::string&) override {}
  void OnAnswered(const std::string&) override {}
  void OnTellSettled() override { heard.emplace_back("settled"); }
  void OnTurnOver() override { heard.emplace_back("over"); }
  void OnWedged() override { heard.emplace_back("wedged"); }

  static std::string Who() { return "claude"; }

  std::string transcript;
  std::vector<std::string> heard;
  HeldWork work{/*at_once=*/true};
  Replay replay{*log, [this] { return [at = transcript] { return at; }; }, Who, &work};
  TellQueue queue{files->tells(), *log, replay, [] { return absl::OkStatus(); }, Who};
  OpenRequests requests{loop, absl::Hours(24), *log, *this, Who};
  ChildEnd end{Who};
  InFlight in_flight{loop, *log, replay, queue, end, requests, *this, Who};
  FakeChild* child = nullptr;
  std::unique_ptr<ClaudeChild> claude;
};

TEST_F(InFlightTest, ATellIsSettledByItsResult) {
  Write();
  EXPECT_TRUE(in_flight.Is(kA));
  EXPECT_EQ(child->written().back(), MessageLine(kA, "x"));
  SayReplay();
  SayText();
  EXPECT_TRUE(in_flight.any());
  SayResult();
  EXPECT_FALSE(in_flight.any());
  EXPECT_EQ(Outcome(), "");
  EXPECT_THAT(heard, ElementsAre("settled", "over"));
  EXPECT_EQ(queue.PhaseOf(kB), v1::TellState::ACCEPTED);
}

TEST_F(InFlightTest, WhatClaudeSaidBeforeIsVoid) {
  Write();
  SayText();
  EXPECT_THAT(Story().back(), HasSubstr("output"));
  SayReplay();
  EXPECT_EQ(Story().back(), "gap " + kA);
}

TEST_F(InFlightTest, ABrokenLineIsLookedUpInTheTranscript) {
  Write();
  SayReplay();
  child->Say(R"({"type":"assistant","message":{"mo)");
  SayResult();
  EXPECT_TRUE(in_flight.any());
  EXPECT_NE(in_flight.WhyNoHandover(), "");
  Transcribe();
  Pass(absl::Seconds(1));
  EXPECT_FALSE(in_flight.any());
  EXPECT_EQ(Outcome(), "");
  // The answer anew, and the result behind it.
  const std::vector<std::string> story = Story();
  ASSERT_GE(story.size(), 4u);
  EXPECT_EQ(story[story.size() - 4], "gap " + kA);
  EXPECT_THAT(story[story.size() - 2], HasSubstr("result"));
}

TEST_F(InFlightTest, ATranscriptThatNeverComesIsNotWaitedForForEver) {
  Write();
  SayReplay();
  child->Say(R"({"type":"assistant","message":{"mo)");
  SayResult();
  PassSeconds(5);
  EXPECT_EQ(Outcome(), "");
}

TEST_F(InFlightTest, ACancelledTellEndsWithItsTurn) {
  Write();
  int told = 0;
  in_flight.Cancel([&told](const absl::StatusOr<v1::TellState::Phase>&) { ++told; },
                   absl::Seconds(10));
  EXPECT_THAT(child->written().back(), HasSubstr("interrupt"));
  SayResult("error_during_execution");
  EXPECT_TRUE(in_flight.any());  // The interrupt may be under way.
  Respond(R"("response":{})");
  EXPECT_EQ(Outcome(), " FAILURE_CANCELLED");
  EXPECT_EQ(told, 1);
  EXPECT_THAT(heard, ElementsAre("settled", "over"));
}

TEST_F(InFlightTest, AClaudeThatDoesNotStopIsGivenUp) {
  Write();
  in_flight.Cancel([](const absl::StatusOr<v1::TellState::Phase>&) {}, absl::Seconds(10));
  PassSeconds(10);
  EXPECT_EQ(Outcome(), " FAILURE_CANCELLED");
  EXPECT_THAT(heard, ElementsAre("settled", "wedged"));
}

TEST_F(InFlightTest, AClaudeThatRefusesToStopIsGivenUp) {
  Write();
  in_flight.Cancel([](const absl::StatusOr<v1::TellState::Phase>&) {}, absl::Seconds(10));
  Respond(R"("error":"no")", "error");
  EXPECT_THAT(heard, ElementsAre("settled", "wedged"));
}

// A claude that was killed while it wrote a long message to its transcript.
TEST_F(InFlightTest, AFailureStandsWhereTheTranscriptLacksWhatClaudeSaidLast) {
  Write();
  SayReplay();
  child->Say(R"({"type":"assistant","message":{"model":"m"},"uuid":"more"})");
  Transcribe();
  in_flight.Fail(MakeFailure(v1::FAILURE_CHILD_EXITED, "it ended"), /*asked=*/false);
  EXPECT_EQ(Outcome(), " FAILURE_CHILD_EXITED");
  for (const std::string& event : Story()) EXPECT_NE(event, "gap " + kA);
}

TEST_F(InFlightTest, AFailureStandsUnlessTheTranscriptHasTheAnswer) {
  const absl::Status why = MakeFailure(v1::FAILURE_CHILD_EXITED, "it ended");
  in_flight.Fail(why, /*asked=*/false);
  EXPECT_TRUE(heard.empty());
  Write();
  Transcribe();
  in_flight.Fail(why, /*asked=*/false);
  EXPECT_EQ(Outcome(), "");
}

TEST_F(InFlightTest, OneThatWasEndedOnRequestHasNoAnswer) {
  Write();
  Transcribe();
  in_flight.Fail(MakeFailure(v1::FAILURE_CANCELLED, "ended"), /*asked=*/true);
  EXPECT_EQ(Outcome(), " FAILURE_CANCELLED");
}

TEST_F(InFlightTest, AnIdleClaudeWhoseResultWasLostIsSettledByTheTranscript) {
  Write();
  SayReplay();
  child->Say(R"({"type":"system","subtype":"session_state_changed","state":"idle"})");
  PassSeconds(20);
  EXPECT_TRUE(in_flight.any());  // A result may still be under way.
  Transcribe();
  PassSeconds(20);
  EXPECT_FALSE(in_flight.any());
  EXPECT_EQ(Outcome(), "");
  EXPECT_THAT(heard, ElementsAre("settled", "over"));
}

TEST_F(InFlightTest, ASilentClaudeIsAskedWhetherItLives) {
  Write();
  PassSeconds(59);
  EXPECT_EQ(child->written().back(), MessageLine(kA, "x"));
  PassSeconds(1);
  EXPECT_THAT(child->written().back(), HasSubstr("mcp_status"));
}

TEST_F(InFlightTest, OneThatIsOwedWholeIsToldAnew) {
  Write();
  SayReplay();
  SayText();
  in_flight.OweWhole();
  Transcribe();
  SayResult();
  EXPECT_TRUE(in_flight.any());
  Pass(absl::Seconds(1));
  EXPECT_EQ(Outcome(), "");
  int gaps = 0;
  for (const std::string& event : Story()) gaps += event == "gap " + kA ? 1 : 0;
  EXPECT_EQ(gaps, 1);
}

// ------------------------------------------------------------- where a transcript takes a while

TEST_F(InFlightTest, AnAnswerThatIsFoundTooLateChangesNothing) {
  Write();
  SayReplay();
  child->Say(R"({"type":"assistant","message":{"mo)");
  SayResult();
  Transcribe();
  work.Hold();
  Pass(absl::Seconds(1));
  ASSERT_EQ(work.waiting(), 1u);
  EXPECT_TRUE(in_flight.any());
  in_flight.Fail(MakeFailure(v1::FAILURE_CANCELLED, "ended"), /*asked=*/true);
  const std::vector<std::string> before = Story();
  work.DoOne();
  EXPECT_EQ(Story(), before);
  EXPECT_EQ(Outcome(), " FAILURE_CANCELLED");
}

TEST_F(InFlightTest, AnAnswerThatIsFoundWhenTheThreadHasTimeIsReplayed) {
  Write();
  SayReplay();
  child->Say(R"({"type":"assistant","message":{"mo)");
  SayResult();
  Transcribe();
  work.Hold();
  Pass(absl::Seconds(1));
  EXPECT_TRUE(in_flight.any());
  work.DoOne();
  EXPECT_FALSE(in_flight.any());
  EXPECT_EQ(Outcome(), "");
  EXPECT_THAT(heard, ElementsAre("settled", "over"));
}

TEST_F(InFlightTest, WhatClaudeSaysWhileItsTranscriptIsReadCountsForMore) {
  Write();
  SayReplay();
  child->Say(R"({"type":"system","subtype":"session_state_changed","state":"idle"})");
  PassSeconds(20);
  Transcribe();
  work.Hold();
  PassSeconds(20);
  ASSERT_EQ(work.waiting(), 1u);  // One at a time.
  SayText();
  work.DoOne();
  EXPECT_TRUE(in_flight.any());
}

TEST_F(InFlightTest, ATellWhoseClaudeEndedIsInFlightUntilItsTranscriptIsRead) {
  Write();
  Transcribe();
  work.Hold();
  int told = 0;
  in_flight.Fail(MakeFailure(v1::FAILURE_CHILD_EXITED, "it ended"), /*asked=*/false);
  EXPECT_TRUE(in_flight.is_settling());
  EXPECT_TRUE(in_flight.Is(kA));
  EXPECT_NE(in_flight.WhyNoHandover(), "");
  // Nothing else says any more how it came out.
  in_flight.Fail(MakeFailure(v1::FAILURE_CANCELLED, "ended"), /*asked=*/true);
  in_flight.OnChildExited();
  SayResult("error_during_execution");
  in_flight.Cancel([&told](const absl::StatusOr<v1::TellState::Phase>&) { ++told; },
                   absl::Seconds(10));
  EXPECT_EQ(child->written().back(), MessageLine(kA, "x"));  // And nobody is interrupted.
  PassSeconds(100);
  EXPECT_TRUE(heard.empty());
  in_flight.SetChild(nullptr);
  ASSERT_EQ(work.waiting(), 1u);
  work.DoOne();
  EXPECT_FALSE(in_flight.any());
  EXPECT_EQ(Outcome(), "");
  EXPECT_EQ(told, 1);
  EXPECT_THAT(heard, ElementsAre("settled"));
}

TEST_F(InFlightTest, ATranscriptThatCannotBeReadInTimeChangesNoFailure) {
  Write();
  Transcribe();
  work.Hold();
  in_flight.Fail(MakeFailure(v1::FAILURE_CHILD_EXITED, "it ended"), /*asked=*/false);
  work.BeLate();
  EXPECT_EQ(Outcome(), " FAILURE_CHILD_EXITED");
}

TEST_F(InFlightTest, OneThatCameAnewMeanwhileIsToldWhole) {
  Write();
  SayReplay();
  SayText();
  work.Hold();
  in_flight.Fail(MakeFailure(v1::FAILURE_CHILD_EXITED, "it ended"), /*asked=*/false);
  in_flight.OweWhole();
  work.DoOne();
  const std::vector<std::string> story = Story();
  EXPECT_EQ(story[story.size() - 2], "gap " + kA);
  EXPECT_EQ(Outcome(), " FAILURE_CHILD_EXITED");
}

TEST_F(InFlightTest, TheNextTellWaitsUntilOneThatIsOwedWholeIsTold) {
  Write();
  SayReplay();
  in_flight.OweWhole();
  work.Hold();
  SayResult("error_during_execution");
  EXPECT_TRUE(in_flight.is_settling());
  SayText();
  SayResult();
  EXPECT_TRUE(heard.empty());
  work.DoOne();
  EXPECT_EQ(Outcome(), " FAILURE_CLAUDE_ERROR");
  EXPECT_THAT(heard, ElementsAre("settled", "over"));
}

TEST_F(InFlightTest, AClaudeThatDoesNotStopIsNotKeptForItsTranscript) {
  Write();
  in_flight.OweWhole();
  work.Hold();
  in_flight.Cancel([](const absl::StatusOr<v1::TellState::Phase>&) {}, absl::Seconds(10));
  PassSeconds(10);
  EXPECT_THAT(heard, ElementsAre("wedged"));
  work.DoOne();
  EXPECT_EQ(Outcome(), " FAILURE_CANCELLED");
  EXPECT_THAT(heard, ElementsAre("wedged", "settled"));
}

TEST_F(InFlightTest, AClaudeThatEndsWhileItsTranscriptIsWaitedForHasAnswered) {
  Write();
  SayReplay();
  child->Say(R"({"type":"assistant","message":{"mo)");
  SayResult();
  Transcribe();
  work.Hold();
  in_flight.OnChildExited();
  in_flight.Fail(MakeFailure(v1::FAILURE_CHILD_EXITED, "it ended"), /*asked=*/false);
  PassSeconds(10);  // Nobody looks twice.
  ASSERT_EQ(work.waiting(), 1u);
  work.DoOne();
  EXPECT_EQ(Outcome(), "");
  const std::vector<std::string> story = Story();
  EXPECT_EQ(story[story.size() - 4], "gap " + kA);
  EXPECT_THAT(story[story.size() - 2], HasSubstr("result"));
  EXPECT_THAT(heard, ElementsAre("settled", "over"));
}

}  // namespace
}  // namespace iris
