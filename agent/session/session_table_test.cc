#include "agent/session/session_table.h"

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// No child is started here: the loop need not run.
class SessionTableTest : public ::testing::Test {
 protected:
  v1::AcquireRequest From(const std::string& coordinator) {
    v1::AcquireRequest request;
    request.set_session_id(session_id);
    request.set_coordinator_id(coordinator);
    request.set_label(coordinator == laptop ? "me@laptop" : "me@desktop");
    return request;
  }
  v1::AcquireRequest IfEpoch(v1::AcquireRequest request, uint64_t epoch) {
    request.set_if_epoch(epoch);
    return request;
  }
  v1::AcquireRequest Takeover(v1::AcquireRequest request) {
    request.set_takeover(true);
    return request;
  }
  // The epoch of the first grant, which is the laptop's.
  uint64_t First() {
    const absl::StatusOr<uint64_t> epoch = table.Acquire(From(laptop));
    EXPECT_TRUE(epoch.ok()) << epoch.status();
    return epoch.value_or(0);
  }
  FailureKind Find(uint64_t epoch) { return KindOf(table.Find(session_id, epoch).status()); }

  const std::string session_id = NewUuid();
  const std::string laptop = NewUuid();
  const std::string desktop = NewUuid();
  EventLoop loop;
  const ScratchDir scratch;
  SessionTable table{loop,
                     {.incarnation = "life", .hostname = "gpu1", .sessions_dir = scratch.path()}};
};

TEST_F(SessionTableTest, OneCoordinatorHoldsASessionAndTheOtherIsToldWho) {
  const uint64_t first = First();

  const absl::Status refused = table.Acquire(From(desktop)).status();
  EXPECT_EQ(KindOf(refused), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("me@laptop, since 20"), HasSubstr("gpu1")));
  EXPECT_THAT(ToProto(refused).fix(), HasSubstr("iris takeover"));
  EXPECT_EQ(Find(first), v1::FAILURE_UNSPECIFIED);
}

TEST_F(SessionTableTest, TheHolderMayAcquireAgainAndItsOlderEpochIsOver) {
  const uint64_t first = First();
  EXPECT_EQ(*table.Acquire(From(laptop)), first + 1);
  EXPECT_EQ(Find(first), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(Find(first + 1), v1::FAILURE_UNSPECIFIED);
}

TEST_F(SessionTableTest, ATakeoverFencesTheHolder) {
  const uint64_t first = First();
  EXPECT_EQ(*table.Acquire(Takeover(From(desktop))), first + 1);
  const absl::Status fenced = table.Find(session_id, first).status();
  EXPECT_EQ(KindOf(fenced), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_THAT(std::string(fenced.message()), HasSubstr("me@desktop, since 20"));
  EXPECT_EQ(KindOf(table.Acquire(From(laptop)).status()), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(*table.Acquire(Takeover(From(laptop))), first + 2);
  EXPECT_EQ(Find(first + 1), v1::FAILURE_PERMISSION_DENIED);
}

TEST_F(SessionTableTest, AConditionOnTheEpochHoldsOnlyWhileNobodyActed) {
  const uint64_t first = First();
  EXPECT_EQ(*table.Acquire(IfEpoch(From(laptop), first)), first + 1);
  EXPECT_EQ(KindOf(table.Acquire(IfEpoch(From(laptop), first)).status()),
            v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(KindOf(table.Acquire(IfEpoch(From(desktop), first + 1)).status()),
            v1::FAILURE_PERMISSION_DENIED);
}

TEST_F(SessionTableTest, ARefusedAcquireLeavesNoSession) {
  EXPECT_EQ(KindOf(table.Acquire(IfEpoch(From(laptop), 7)).status()),
            v1::FAILURE_PERMISSION_DENIED);
  v1::AcquireRequest bad = From(laptop);
  bad.set_session_id("../../etc/passwd");
  EXPECT_EQ(KindOf(table.Acquire(bad).status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(KindOf(table.Acquire(From("me")).status()), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(table.List().sessions_size(), 0);
}

TEST_F(SessionTableTest, AnUnknownSessionAndNoEpochAreRefused) {
  EXPECT_EQ(Find(1), v1::FAILURE_BAD_REQUEST);
  ASSERT_TRUE(table.Acquire(From(laptop)).ok());
  EXPECT_EQ(Find(0), v1::FAILURE_PERMISSION_DENIED);
}

TEST_F(SessionTableTest, AHolderIsKnownSinceItsFirstGrant) {
  ASSERT_TRUE(table.Acquire(From(laptop)).ok());
  const int64_t since = table.List().sessions(0).holder_since_ms();
  EXPECT_NEAR(static_cast<double>(since), static_cast<double>(absl::ToUnixMillis(absl::Now())),
              60'000);
  ASSERT_TRUE(table.Acquire(From(laptop)).ok());
  EXPECT_EQ(table.List().sessions(0).holder_since_ms(), since);
  EXPECT_EQ(table.List().sessions(0).label(), "me@laptop");
}

TEST_F(SessionTableTest, TheListShowsWhoHoldsWhat) {
  const absl::StatusOr<uint64_t> epoch = table.Acquire(From(laptop));
  ASSERT_TRUE(epoch.ok()) << epoch.status();
  const v1::ListResponse list = table.List();
  ASSERT_EQ(list.sessions_size(), 1);
  EXPECT_EQ(list.sessions(0).session_id(), session_id);
  EXPECT_EQ(list.sessions(0).coordinator_id(), laptop);
  EXPECT_EQ(list.sessions(0).epoch(), *epoch);
  EXPECT_EQ(list.sessions(0).state(), v1::SESSION_NO_CHILD);
  EXPECT_TRUE(table.idle());
  EXPECT_EQ(table.running_children(), 0u);
}

TEST_F(SessionTableTest, ClosingNothingIsDoneAtOnce) {
  ASSERT_TRUE(table.Acquire(From(laptop)).ok());
  size_t ended = 99;
  table.CloseAll([&](size_t count) { ended = count; });
  EXPECT_EQ(ended, 0u);
}

// The next agents, over what this one leaves.
class SessionTableLivesTest : public SessionTableTest {
 protected:
  std::unique_ptr<SessionTable> NextAgent() {
    auto next = std::make_unique<SessionTable>(
        loop, SessionContext{.incarnation = "next", .hostname = "gpu1", .sessions_dir = dir});
    next->Load();
    return next;
  }
  const std::string dir = scratch.path();
  std::string SessionDir() const { return dir + "/" + session_id; }
};

TEST_F(SessionTableLivesTest, LeasesOutliveTheAgent) {
  const uint64_t first = First();
  const auto next = NextAgent();
  EXPECT_TRUE(next->Find(session_id, first).ok());
  EXPECT_EQ(KindOf(next->Acquire(From(desktop)).status()), v1::FAILURE_PERMISSION_DENIED);
  EXPECT_EQ(*next->Acquire(From(laptop)), first + 1);
  EXPECT_EQ(*NextAgent()->Acquire(From(laptop)), first + 2);
}

TEST_F(SessionTableLivesTest, WhatIsDamagedIsPutAsideAndTheOthersAreThere) {
  const uint64_t first = First();
  v1::AcquireRequest other = From(laptop);
  other.set_session_id(NewUuid());
  const absl::StatusOr<uint64_t> of_other = table.Acquire(other);
  ASSERT_TRUE(of_other.ok()) << of_other.status();
  std::filesystem::resize_file(SessionDir() + "/state", 10);
  const auto next = NextAgent();
  EXPECT_TRUE(next->Find(other.session_id(), *of_other).ok());
  EXPECT_EQ(Find(first), v1::FAILURE_UNSPECIFIED);
  EXPECT_FALSE(next->Find(session_id, first).ok());
  EXPECT_TRUE(next->Acquire(From(desktop)).ok());
}

}  // namespace
}  // namespace iris
