#include "agent/session/turn_failure.h"

#include <string>

#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kWho[] = "claude for team gpu on gpu1";

std::string Text(const absl::Status& status) { return std::string(status.message()); }

LimitWatch Reached(const std::string& said, int64_t resets_at_ms) {
  LimitWatch watch;
  watch.Resume({.rejected = true, .said = said, .resets_at_ms = resets_at_ms});
  return watch;
}

TEST(TurnFailureTest, WhoAskedForItsEndSeesACancelledTurn) {
  for (const absl::Status& status :
       {TurnInterrupted(kWho), EndedOnRequest(kWho), PermissionLost(kWho, /*closed=*/true)}) {
    EXPECT_EQ(KindOf(status), v1::FAILURE_CANCELLED);
    EXPECT_THAT(Text(status), StartsWith(kWho));
    EXPECT_THAT(Text(status), HasSubstr("on request"));
  }
}

TEST(TurnFailureTest, APermissionThatNobodyCouldGiveIsDenied) {
  const absl::Status status = PermissionLost(kWho, /*closed=*/false);
  EXPECT_EQ(KindOf(status), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_THAT(Text(status), Not(HasSubstr("on request")));
}

TEST(TurnFailureTest, ALimitIsNamedInClaudesWordsAndUntilWhen) {
  const absl::Status status = LimitReached(kWho, Reached("5-hour limit", 1'795'997'982'000));
  EXPECT_EQ(KindOf(status), v1::FAILURE_RATE_LIMITED);
  EXPECT_THAT(Text(status), HasSubstr("has reached its limit: 5-hour limit; it resets at 2026-"));
  EXPECT_EQ(ToProto(status).rate_limit().resets_at_ms(), 1'795'997'982'000);
}

TEST(TurnFailureTest, OfALimitThatSaysNothingOnlyTheLimitIsSaid) {
  EXPECT_THAT(Text(LimitReached(kWho, Reached("", 0))), EndsWith("has reached its limit"));
}

TEST(TurnFailureTest, WhatNothingSaysIsAmbiguous) {
  const absl::Status status = NothingSays("its turn broke off", "");
  EXPECT_EQ(KindOf(status), v1::FAILURE_AMBIGUOUS);
  EXPECT_EQ(Text(status), "its turn broke off");
  EXPECT_EQ(Text(NothingSays("it broke off", "in a tool")), "it broke off: in a tool");
}

TEST(TurnFailureTest, ATranscriptThatIsElsewhereLeavesItAmbiguous) {
  const absl::Status status = TranscriptElsewhere(kWho);
  EXPECT_EQ(KindOf(status), v1::FAILURE_AMBIGUOUS);
  EXPECT_THAT(Text(status), StartsWith(kWho));
  EXPECT_THAT(Text(status), HasSubstr("transcript is not where Iris looks for it"));
}

TEST(TurnFailureTest, ADetailIsCutBetweenCharacters) {
  std::string detail = "x";
  while (detail.size() < 4000) detail += "ä";
  const std::string text = Text(NothingSays("", detail));
  EXPECT_LE(text.size(), 2010u);
  EXPECT_GT(text.size(), 1990u);
  EXPECT_THAT(text, Not(EndsWith("\xc3")));
}

}  // namespace
}  // namespace iris
