#include "coordinator/orchestrator/team_trouble.h"

#include "common/failure/failure.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

absl::Status Failed(FailureKind kind) { return MakeFailure(kind, "why"); }

TEST(TeamTroubleTest, AStartThatFailsIsOneUntilTheNextGoesWell) {
  TeamTrouble trouble;
  EXPECT_TRUE(trouble.status().ok());
  trouble.OnDown(Failed(v1::FAILURE_CLAUDE_MISSING));
  EXPECT_EQ(KindOf(trouble.status()), v1::FAILURE_CLAUDE_MISSING);
  trouble.OnReady();
  EXPECT_TRUE(trouble.status().ok());
}

TEST(TeamTroubleTest, AnAccountIsOneUntilATurnGoesWell) {
  TeamTrouble trouble;
  trouble.OnSettled(Failed(v1::FAILURE_CLAUDE_NOT_LOGGED_IN));
  trouble.OnDown(Failed(v1::FAILURE_CHILD_EXITED));
  trouble.OnReady();
  EXPECT_EQ(KindOf(trouble.status()), v1::FAILURE_CLAUDE_NOT_LOGGED_IN);
  trouble.OnSettled(absl::OkStatus());
  EXPECT_TRUE(trouble.status().ok());
}

TEST(TeamTroubleTest, ChanceAndTheLinkAreNone) {
  TeamTrouble trouble;
  for (const FailureKind kind :
       {v1::FAILURE_DROPPED, v1::FAILURE_UNREACHABLE, v1::FAILURE_CANCELLED, v1::FAILURE_TIMEOUT,
        v1::FAILURE_CLAUDE_ERROR}) {
    trouble.OnDown(Failed(kind));
    trouble.OnSettled(Failed(kind));
    EXPECT_TRUE(trouble.status().ok()) << KindName(kind);
  }
}

}  // namespace
}  // namespace iris
