#include "agent/session/lease.h"

#include <filesystem>
#include <string>

#include "agent/session/part_fixture.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

class LeaseTest : public PartFixture {
 protected:
  static v1::AcquireRequest For(const std::string& coordinator, bool takeover = false) {
    v1::AcquireRequest request;
    request.set_coordinator_id(coordinator);
    request.set_label(coordinator + "'s label");
    request.set_takeover(takeover);
    return request;
  }

  Lease lease{"4f6d", "gpu1", *files};
};

TEST_F(LeaseTest, GrowsWithEveryGrantAndIsDurable) {
  const auto first = lease.Acquire(For("a"));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_GE(first->epoch, 1u);
  const auto second = lease.Acquire(For("a"));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->epoch, first->epoch + 1);
  EXPECT_FALSE(second->fenced.has_value());
  NextAgent();
  const Lease next("4f6d", "gpu1", *files);
  EXPECT_TRUE(next.CheckEpoch(second->epoch).ok());
  EXPECT_EQ(next.state().holder(), "a");
}

TEST_F(LeaseTest, AnotherGetsItByTakeoverAloneAndTheHolderIsNamed) {
  const auto held = lease.Acquire(For("a"));
  ASSERT_TRUE(held.ok()) << held.status();
  const auto refused = lease.Acquire(For("b"));
  EXPECT_EQ(KindOf(refused.status()), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("a's label"));
  EXPECT_EQ(lease.state().holder(), "a");
  const auto taken = lease.Acquire(For("b", /*takeover=*/true));
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->fenced, held->epoch);
  EXPECT_EQ(lease.state().holder(), "b");
}

// Both of two coordinators that held it before, and whose host was made anew, would hold it.
TEST_F(LeaseTest, AnEpochOfAHostThatHasLostItsFilesDoesNotCount) {
  const auto before = lease.Acquire(For("a"));
  ASSERT_TRUE(before.ok()) << before.status();
  log.reset();
  files.reset();
  std::filesystem::remove_all(scratch.File("session"));
  NextAgent();
  Lease anew("4f6d", "gpu1", *files);
  ASSERT_TRUE(anew.Acquire(For("b")).ok());
  EXPECT_FALSE(anew.CheckEpoch(before->epoch).ok());
}

TEST_F(LeaseTest, AConditionOnTheEpochHolds) {
  const auto held = lease.Acquire(For("a"));
  ASSERT_TRUE(held.ok()) << held.status();
  v1::AcquireRequest request = For("a");
  request.set_if_epoch(held->epoch + 6);
  EXPECT_FALSE(lease.Acquire(request).ok());
  request.set_if_epoch(held->epoch);
  EXPECT_TRUE(lease.Acquire(request).ok());
}

TEST_F(LeaseTest, OnlyTheEpochInForceCounts) {
  EXPECT_FALSE(lease.CheckEpoch(0).ok());
  const auto held = lease.Acquire(For("a"));
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_TRUE(lease.CheckEpoch(held->epoch).ok());
  ASSERT_TRUE(lease.Acquire(For("a")).ok());
  EXPECT_EQ(KindOf(lease.CheckEpoch(held->epoch)), v1::FAILURE_PERMISSION_DENIED);
}

TEST_F(LeaseTest, TheLabelIsCut) {
  v1::AcquireRequest request = For("a");
  request.set_label(std::string(1000, 'x'));
  ASSERT_TRUE(lease.Acquire(request).ok());
  EXPECT_EQ(lease.state().label().size(), 256u);
}

}  // namespace
}  // namespace iris
