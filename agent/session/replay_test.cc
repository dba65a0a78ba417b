#include "agent/session/replay.h"

#include <fstream>
#include <memory>
#include <string>

#include "agent/session/part_fixture.h"
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

  std::string path;
  const absl::Status cancelled = MakeFailure(v1::FAILURE_CANCELLED, "cancelled");
  Replay replay{*log, [this] { return path; }, [] { return "claude"; }};
};

TEST_F(ReplayTest, WhatClaudeHasNotBegunHasNoOutcome) {
  EXPECT_EQ(replay.OutcomeOf(kTell, /*was_heard=*/false), std::nullopt);
  Transcribe(std::string(kAsked) + "\n");
  EXPECT_EQ(replay.OutcomeOf(kTell, /*was_heard=*/true), std::nullopt);
  EXPECT_THAT(Story(), IsEmpty());
}

TEST_F(ReplayTest, WhatWasHeardHadBegun) {
  EXPECT_EQ(KindOf(*replay.OutcomeOf(kTell, /*was_heard=*/true)), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(KindOf(*replay.OutcomeOf(kTell, /*was_heard=*/true, cancelled)), v1::FAILURE_CANCELLED);
  EXPECT_THAT(Story(), IsEmpty());
}

TEST_F(ReplayTest, AWholeAnswerIsToldAnew) {
  Transcribe(Ended());
  EXPECT_EQ(replay.OutcomeOf(kTell, /*was_heard=*/true, cancelled), absl::OkStatus());
  EXPECT_THAT(Story(), ElementsAre(std::string("gap ") + kTell, std::string("output ") + kEnded));
}

TEST_F(ReplayTest, AnAnswerThatBrokeOffIsToldAsFarAsItGoes) {
  Transcribe(Broken());
  const absl::Status outcome = *replay.OutcomeOf(kTell, /*was_heard=*/true);
  EXPECT_EQ(KindOf(outcome), v1::FAILURE_AMBIGUOUS);
  EXPECT_THAT(std::string(outcome.message()), HasSubstr("claude lost its agent in this turn: "));
  EXPECT_THAT(Story(), ElementsAre(std::string("gap ") + kTell, std::string("output ") + kCalls));
}

TEST_F(ReplayTest, AFailureStandsUnlessTheWholeAnswerIsThere) {
  Transcribe(Broken());
  EXPECT_FALSE(replay.ReplayIfAnswered(kTell));
  EXPECT_THAT(Story(), IsEmpty());
  Transcribe(Ended());
  EXPECT_TRUE(replay.ReplayIfAnswered(kTell));
  EXPECT_EQ(Story().size(), 2u);
}

TEST_F(ReplayTest, WhatIsToldWholeLeavesNothingOfWhatWasTold) {
  EXPECT_EQ(KindOf(replay.ReplayWhole(kTell, absl::OkStatus())), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(replay.ReplayWhole(kTell, cancelled), cancelled);
  Transcribe(Ended());
  EXPECT_TRUE(replay.ReplayWhole(kTell, absl::OkStatus()).ok());
  EXPECT_THAT(Story(), ElementsAre(std::string("gap ") + kTell, std::string("gap ") + kTell,
                                   std::string("gap ") + kTell, std::string("output ") + kEnded));
}

}  // namespace
}  // namespace iris
