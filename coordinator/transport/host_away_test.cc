#include "coordinator/transport/host_away.h"

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

HostAway Away(FailureKind kind, absl::string_view fix = "") {
  const bool retries = kind != v1::FAILURE_AUTH && kind != v1::FAILURE_BAD_REQUEST;
  return {.why = MakeFailure(kind, "no route", fix), .retries = retries};
}

TEST(HostAwayTest, WhatCouldHaveWaitedHearsSoBehindTheFixOfItsKind) {
  const absl::Status end = EndWhileAway({}, Away(v1::FAILURE_UNREACHABLE));
  EXPECT_EQ(KindOf(end), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(ToProto(end).fix(), AllOf(StartsWith(std::string(FixFor(v1::FAILURE_UNREACHABLE))),
                                        HasSubstr(" Or leave the message"), HasSubstr("7 days")));
  EXPECT_THAT(ToProto(EndWhileAway({}, Away(v1::FAILURE_TIMEOUT, "Plug it in."))).fix(),
              StartsWith("Plug it in. Or leave"));
}

TEST(HostAwayTest, WhatHasWaitedLongEnoughIsNotToldToWait) {
  const HostAway away = Away(v1::FAILURE_UNREACHABLE, "Plug it in.");
  EXPECT_TRUE(EndWhileAway({.wait_for_host = true}, away).ok());
  const Failure end = ToProto(EndWhileAway({.wait_for_host = true, .is_overdue = true}, away));
  EXPECT_EQ(KindOf(end), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(end.detail(),
              AllOf(HasSubstr("7 days that the message waited"), HasSubstr("no route")));
  EXPECT_EQ(end.fix(), "Plug it in.");
}

TEST(HostAwayTest, KeysAreWaitedForWhereItsOwnSenderHasNotTried) {
  for (const FailureKind kind : {v1::FAILURE_AUTH, v1::FAILURE_BAD_REQUEST}) {
    HostAway away = Away(kind);
    EXPECT_TRUE(EndWhileAway({.is_of_sender = false}, away).ok());
    EXPECT_EQ(KindOf(EndWhileAway({.wait_for_host = true, .is_of_sender = true}, away)), kind);
    EXPECT_EQ(KindOf(EndWhileAway({.is_overdue = true}, away)), kind);
    away.asker_is_newer = true;
    EXPECT_TRUE(EndWhileAway({.is_of_sender = true}, away).ok());
    away.asker_is_newer = false;
    away.is_remote = false;
    EXPECT_EQ(EndWhileAway({}, away), away.why);
  }
  EXPECT_THAT(WhyItWaits(Away(v1::FAILURE_AUTH)),
              AllOf(HasSubstr("keys"), HasSubstr("no route"), Not(HasSubstr("trying again"))));
}

TEST(HostAwayTest, AHostThatWasAwayAndRefusesItsOwnSenderIsTriedAgain) {
  const HostAway away = Away(v1::FAILURE_AUTH, "Mount /home.");
  LeftMessage left = {.wait_for_host = true, .is_of_sender = true, .has_waited = true};
  EXPECT_TRUE(EndWhileAway(left, away).ok());
  EXPECT_TRUE(IsTriedAgain(left, away));
  EXPECT_THAT(WhyItWaits(away, /*is_tried_again=*/true),
              AllOf(HasSubstr("every few minutes"), HasSubstr("no route"), HasSubstr("Mount")));
  EXPECT_EQ(KindOf(EndWhileAway(left, Away(v1::FAILURE_BAD_REQUEST))), v1::FAILURE_BAD_REQUEST);
  left.is_overdue = true;
  EXPECT_THAT(ToProto(EndWhileAway(left, away)).detail(), HasSubstr("took no login in the 7 days"));
  left = {.wait_for_host = true, .has_waited = true};
  EXPECT_TRUE(EndWhileAway(left, away).ok());
  EXPECT_FALSE(IsTriedAgain(left, away)) << "it waits for its sender: that is no reason to try";
  left = {.is_of_sender = true, .has_waited = true};
  EXPECT_EQ(KindOf(EndWhileAway(left, away)), v1::FAILURE_AUTH);
}

TEST(HostAwayTest, WhoseLoginIsStillToComeWaitsForThat) {
  HostAway away = Away(v1::FAILURE_AUTH);
  away.login_in = absl::Seconds(1);
  EXPECT_TRUE(EndWhileAway({.is_of_sender = true, .has_waited = true}, away).ok());
  EXPECT_EQ(KindOf(EndWhileAway({.is_of_sender = true}, away)), v1::FAILURE_AUTH);
  EXPECT_THAT(WhyItWaits(away), HasSubstr("comes by itself"));
}

TEST(HostAwayTest, AHostThatAnsweredIsWaitedForByEverybody) {
  HostAway away = Away(v1::FAILURE_UNREACHABLE);
  away.host_is_known = true;
  EXPECT_TRUE(EndWhileAway({.is_overdue = true, .is_of_sender = true}, away).ok());
  EXPECT_THAT(WhyItWaits(away), HasSubstr("out of reach, trying again: no route"));
}

TEST(HostAwayTest, OnThisMachineNothingIsLeft) {
  HostAway away = Away(v1::FAILURE_TIMEOUT);
  away.is_remote = false;
  EXPECT_EQ(EndWhileAway({}, away), away.why);
}

}  // namespace
}  // namespace iris
