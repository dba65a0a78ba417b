#include "agent/session/replay.h"

#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "agent/claude/transcript.h"
#include "agent/session/part_fixture.h"
#include "agent/testing/held_work.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kTell[] = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
constexpr char kAsked[] =
    R"({"type":"user","uuid":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa","message":{"content":"x"}})";
constexpr char kEnded[] =
    R"({"type":"assistant","message":{"content":[{"type":"text"}],"stop_reason":"end_turn"}})";
constexpr char kCalls[] =
    R"({"type":"assistant","message":{"content":[{"type":"tool_use"}],"stop_reason":"tool_use"}})";

class ReplayTest : public PartFixture {
 protected:
  void Transcribe(const std::string& lines) {
    path = scratch.File("transcript.jsonl");
    std::ofstream(path) << lines;
  }
  std::string Ended() { return std::string(kAsked) + "\n" + kEnded + "\n"; }
  std::string Broken() { return std::string(kAsked) + "\n" + kCalls + "\n"; }

  // What the transcript has of it.
  Replay::Turn Look(const Said& said = {}) {
    Replay::Turn found = absl::UnknownError("not looked up");
    replay.Look(kTell, said, [&found](const Replay::Turn& turn) { found = turn; });
    return found;
  }
  std::optional<absl::Status> Outcome(bool was_heard,
                                      const absl::Status& unless_ended = absl::OkStatus()) {
    return replay.OutcomeBy(Look(), kTell, was_heard, unless_ended);
  }

  std::string path;
  const absl::Status cancelled = MakeFailure(v1::FAILURE_CANCELLED, "cancelled");
  Replay replay{*log, [this] { return [at = path] { return at; }; }, [] { return "claude"; }};
};

TEST_F(ReplayTest, WhatClaudeHasNotBegunHasNoOutcome) {
  EXPECT_EQ(Outcome(/*was_heard=*/false), std::nullopt);
  Transcribe(std::string(kAsked) + "\n");
  EXPECT_EQ(Outcome(/*was_heard=*/true), std::nullopt);
  EXPECT_THAT(Story(), IsEmpty());
}

TEST_F(ReplayTest, WhatWasHeardHadBegun) {
  EXPECT_EQ(KindOf(*Outcome(/*was_heard=*/true)), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(KindOf(*Outcome(/*was_heard=*/true, cancelled)), v1::FAILURE_CANCELLED);
  EXPECT_THAT(Story(), IsEmpty());
}

TEST_F(ReplayTest, AWholeAnswerIsToldAnew) {
  Transcribe(Ended());
  EXPECT_EQ(Outcome(/*was_heard=*/true, cancelled), absl::OkStatus());
  EXPECT_THAT(Story(), ElementsAre(std::string("gap ") + kTell, std::string("output ") + kEnded));
}

TEST_F(ReplayTest, AnAnswerThatBrokeOffIsToldAsFarAsItGoes) {
  Transcribe(Broken());
  const absl::Status outcome = *Outcome(/*was_heard=*/true);
  EXPECT_EQ(KindOf(outcome), v1::FAILURE_AMBIGUOUS);
  EXPECT_THAT(std::string(outcome.message()), HasSubstr("claude lost its agent in this turn: "));
  EXPECT_THAT(Story(), ElementsAre(std::string("gap ") + kTell, std::string("output ") + kCalls));
}

TEST_F(ReplayTest, WhatReadersHaveMoreOfThanTheTranscriptStays) {
  Transcribe(Ended());
  const Replay::Turn behind = Look({.last = "more"});
  EXPECT_FALSE(replay.ReplayIfAnswered(behind, kTell));
  const absl::Status outcome = *replay.OutcomeBy(behind, kTell, /*was_heard=*/true);
  EXPECT_EQ(KindOf(outcome), v1::FAILURE_AMBIGUOUS);
  EXPECT_THAT(std::string(outcome.message()), HasSubstr("lacks the end"));
  EXPECT_EQ(replay.OutcomeBy(behind, kTell, /*was_heard=*/true, cancelled), cancelled);
  EXPECT_THAT(Story(), IsEmpty());
}

TEST_F(ReplayTest, AFailureStandsUnlessTheWholeAnswerIsThere) {
  Transcribe(Broken());
  EXPECT_FALSE(replay.ReplayIfAnswered(Look(), kTell));
  EXPECT_THAT(Story(), IsEmpty());
  Transcribe(Ended());
  EXPECT_TRUE(replay.ReplayIfAnswered(Look(), kTell));
  EXPECT_EQ(Story().size(), 2u);
}

TEST_F(ReplayTest, WhatIsToldWholeLeavesNothingOfWhatWasTold) {
  EXPECT_EQ(KindOf(replay.ReplayWhole(Look(), kTell, absl::OkStatus())), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(replay.ReplayWhole(Look(), kTell, cancelled), cancelled);
  Transcribe(Ended());
  EXPECT_TRUE(replay.ReplayWhole(Look(), kTell, absl::OkStatus()).ok());
  EXPECT_THAT(Story(), ElementsAre(std::string("gap ") + kTell, std::string("gap ") + kTell,
                                   std::string("gap ") + kTell, std::string("output ") + kEnded));
}

// Also where it is: a folder of projects may be large, and hang.
TEST_F(ReplayTest, TheTranscriptIsFoundWhereItIsRead) {
  HeldWork work;
  bool was_sought = false;
  Replay other{*log,
               [&] {
                 return [&] {
                   was_sought = true;
                   return path;
                 };
               },
               [] { return "claude"; }, &work};
  Transcribe(Ended());
  TranscriptTurn::State state = TranscriptTurn::State::kAbsent;
  other.Look(kTell, {}, [&state](const Replay::Turn& turn) { state = turn->state; });
  EXPECT_FALSE(was_sought);
  work.DoOne();
  EXPECT_TRUE(was_sought);
  EXPECT_EQ(state, TranscriptTurn::State::kEndedWell);
}

}  // namespace
}  // namespace iris
