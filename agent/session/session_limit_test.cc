// Turns that end because the account's limit is reached.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/session/session_fixture.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

class SessionLimitTest : public SessionFixture {};

TEST_F(SessionLimitTest, ItIsAFailureOfItsOwnWithTheTimeAtWhichItResets) {
  ASSERT_TRUE(Open().ok());
  const int64_t until = absl::ToUnixSeconds(absl::Now() + absl::Hours(1));
  const v1::Failure failure = Outcome(Tell(absl::StrCat("LIMIT ", until)));
  EXPECT_EQ(KindOf(failure), v1::FAILURE_RATE_LIMITED);
  EXPECT_EQ(failure.kind(), v1::FAILURE_CLAUDE_ERROR);  // As older coordinators see it.
  EXPECT_EQ(failure.rate_limit().resets_at_ms(), until * 1000);
  EXPECT_TRUE(failure.rate_limit().nothing_ran());
  EXPECT_THAT(failure.detail(), HasSubstr("You've hit your 5-hour limit"));
  EXPECT_THAT(failure.detail(), HasSubstr("it resets at 20"));
  EXPECT_EQ(Ask("next"), "ECHO: next");
}

TEST_F(SessionLimitTest, InWordsAloneAndNoErrorItIsTheSameWithoutATime) {
  ASSERT_TRUE(Open().ok());
  const v1::Failure failure = Outcome(Tell("LIMIT"));
  EXPECT_EQ(KindOf(failure), v1::FAILURE_RATE_LIMITED);
  EXPECT_EQ(failure.rate_limit().resets_at_ms(), 0);
  EXPECT_THAT(failure.detail(), HasSubstr("Session limit reached · resets 10am"));
}

TEST_F(SessionLimitTest, AfterAToolItSaysThatSomethingRan) {
  ASSERT_TRUE(Open().ok());
  const v1::Failure failure = Outcome(Tell("BLOCKS 1\nLIMIT"));
  EXPECT_EQ(KindOf(failure), v1::FAILURE_RATE_LIMITED);
  EXPECT_FALSE(failure.rate_limit().nothing_ran());
}

TEST_F(SessionLimitTest, OtherErrorsAreWhatTheyWere) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(KindOf(Outcome(Tell("ERR 529"))), v1::FAILURE_CLAUDE_ERROR);
  EXPECT_EQ(Ask("Session limit reached"), "ECHO: Session limit reached");
}

}  // namespace
}  // namespace iris
