#include "coordinator/link/login_bar.h"

#include <vector>

#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::Status Refused() {
  return MakeFailure(v1::FAILURE_AUTH, "ml@gpu1: Permission denied (publickey)", "Add the key.");
}

class LoginBarTest : public ::testing::Test {
 protected:
  // Somebody asks all the time, and each login is refused: so many are tried within `time`.
  int LoginsWithin(absl::Duration time) {
    int logins = 0;
    for (const absl::Duration end = now_ + time; now_ < end; now_ += absl::Milliseconds(100)) {
      if (!bar_.Check().ok()) continue;
      ++logins;
      bar_.Note(Refused());
    }
    return logins;
  }
  // From now until a login may be tried.
  absl::Duration Wait() {
    const absl::Duration from = now_;
    while (!bar_.Check().ok()) now_ += absl::Milliseconds(100);
    return now_ - from;
  }

  absl::Duration now_ = absl::Hours(7);
  LoginBar bar_{[this] { return now_; }};
};

TEST_F(LoginBarTest, TheFirstLoginIsFree) {
  EXPECT_TRUE(bar_.Check().ok());
  EXPECT_TRUE(bar_.open());
}

TEST_F(LoginBarTest, ARefusedLoginIsRememberedWithItsAgeAndWhatToDo) {
  bar_.Note(Refused());
  now_ += absl::Milliseconds(1500);
  const Failure failure = ToProto(bar_.Check());
  EXPECT_EQ(failure.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(failure.detail(), AllOf(HasSubstr("Permission denied"), HasSubstr("2s ago"),
                                      HasSubstr("in 1s at the earliest")));
  EXPECT_THAT(failure.fix(), AllOf(HasSubstr("Add the key."), HasSubstr("`iris stop`")));
}

TEST_F(LoginBarTest, WhoeverIsNotTriedKnowsWhenItMayBe) {
  EXPECT_FALSE(NextLoginIn(Refused()).has_value()) << "that one was tried";
  bar_.Note(Refused());
  now_ += absl::Milliseconds(1500);
  EXPECT_EQ(NextLoginIn(bar_.Check()), LoginBar::kFirst - absl::Milliseconds(1500));
}

TEST_F(LoginBarTest, WhatGoesOnBeingRefusedIsTriedLessAndLessOften) {
  EXPECT_LE(LoginsWithin(absl::Seconds(20)), 4);
  EXPECT_LE(LoginsWithin(absl::Hours(1)), 3 + 60 / 5);
}

TEST_F(LoginBarTest, TheWaitGrowsFromTwoSecondsToFiveMinutes) {
  std::vector<absl::Duration> waits;
  for (int i = 0; i < 7; ++i) {
    bar_.Note(Refused());
    waits.push_back(Wait());
  }
  EXPECT_THAT(waits, ::testing::ElementsAre(absl::Seconds(2), absl::Seconds(6), absl::Seconds(18),
                                            absl::Seconds(54), absl::Seconds(162), absl::Minutes(5),
                                            absl::Minutes(5)));
}

TEST_F(LoginBarTest, ALoginThatSucceedsIsANewBeginning) {
  LoginsWithin(absl::Minutes(10));
  bar_.Note(absl::OkStatus());
  EXPECT_TRUE(bar_.Check().ok());
  EXPECT_TRUE(bar_.open());
  bar_.Note(Refused());
  EXPECT_EQ(Wait(), LoginBar::kFirst);
}

TEST_F(LoginBarTest, WhatWasLongAgoIsForgotten) {
  LoginsWithin(absl::Minutes(10));
  EXPECT_FALSE(bar_.open());
  now_ += 2 * LoginBar::kLongest;
  EXPECT_TRUE(bar_.open());
  bar_.Note(Refused());
  EXPECT_EQ(Wait(), LoginBar::kFirst);
}

// As what a host has is, while its link is blocked.
TEST_F(LoginBarTest, WhatIsTriedNowAndThenKeepsNobodyOut) {
  for (int minute = 0; minute < 60; ++minute) {
    ASSERT_TRUE(bar_.Check().ok()) << minute;
    bar_.Note(Refused());
    now_ += absl::Minutes(1);
  }
  bar_.Note(Refused());
  EXPECT_EQ(Wait(), LoginBar::kFirst);
}

TEST_F(LoginBarTest, AHostThatIsAwayIsTriedAsBefore) {
  bar_.Note(MakeFailure(v1::FAILURE_UNREACHABLE, "Connection refused"));
  EXPECT_TRUE(bar_.Check().ok());
}

// Each of these was a login too.
TEST_F(LoginBarTest, WhatNeedsAPersonIsNotTriedForEveryMessage) {
  for (const FailureKind kind :
       {v1::FAILURE_HOST_KEY, v1::FAILURE_NO_SPACE, v1::FAILURE_NOT_EXECUTABLE,
        v1::FAILURE_NO_AGENT_POSSIBLE, v1::FAILURE_VERSION, v1::FAILURE_WRONG_HOST}) {
    LoginBar bar{[this] { return now_; }};
    bar.Note(MakeFailure(kind, "DETAIL"));
    EXPECT_EQ(KindOf(bar.Check()), kind);
  }
}

}  // namespace
}  // namespace iris
