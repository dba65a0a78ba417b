#include "agent/session/held_claim.h"

#include <string>

#include "agent/session/part_fixture.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

// Two hosts that share a home.
class HeldClaimTest : public PartFixture {
 protected:
  AgentIdentity Host(const std::string& name) {
    return {.host_id = name, .boot_id = name, .pid_namespace = "pid:[1]", .hostname = name};
  }
  HeldClaim Of(const AgentIdentity& host) {
    return HeldClaim(
        "4f6d", host, *files, [this] { return path; }, [] { return "claude for team gpu"; });
  }

  std::string path = scratch.File("projects/.iris/4f6d.claim");
  const AgentIdentity one_host = Host("gpu1"), other_host = Host("gpu2");
  HeldClaim one = Of(one_host), other = Of(other_host);
};

TEST_F(HeldClaimTest, OneHostHasItUntilItIsReleased) {
  EXPECT_FALSE(one.is_held());
  ASSERT_TRUE(one.TakeForStart().ok());
  EXPECT_TRUE(one.is_held());
  EXPECT_EQ(one.held_path(), path);
  const absl::Status refused = other.TakeForStart();
  EXPECT_EQ(KindOf(refused), v1::FAILURE_WRONG_HOST);
  EXPECT_TRUE(other.is_anothers());
  EXPECT_FALSE(other.is_held());
  v1::ClaimInfo info;
  other.DescribeOther(info);
  EXPECT_EQ(info.hostname(), "gpu1");

  one.Release();
  EXPECT_FALSE(one.is_held());
  EXPECT_TRUE(other.TakeForStart().ok());
  EXPECT_FALSE(other.is_anothers());
  other.Release();
}

TEST_F(HeldClaimTest, ATakeoverIsForOneStart) {
  ASSERT_TRUE(one.TakeForStart().ok());
  other.TakeOverNext();
  other.ForgetTakeover();
  EXPECT_FALSE(other.TakeForStart().ok());
  other.TakeOverNext();
  EXPECT_TRUE(other.TakeForStart().ok());
  EXPECT_EQ(KindOf(one.TakeForStart()), v1::FAILURE_WRONG_HOST);
  other.Release();
}

TEST_F(HeldClaimTest, WhatIsNotedNowhereIsHeld) {
  EXPECT_TRUE(one.Hold().ok());
  EXPECT_FALSE(one.TakeForSurvivor({.pid = 1}));  // No Open came: nobody knows where.
  EXPECT_FALSE(one.is_held());
}

TEST_F(HeldClaimTest, ATooLongPathIsRefused) {
  path = scratch.File(std::string(3000, 'x'));
  const absl::Status refused = one.TakeForStart();
  EXPECT_EQ(KindOf(refused), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("claude for team gpu"));
  EXPECT_FALSE(one.is_held());
}

}  // namespace
}  // namespace iris
