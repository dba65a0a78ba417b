#include "agent/session/held_claim.h"

#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "agent/session/part_fixture.h"
#include "agent/testing/held_work.h"
#include "common/failure/failure.h"
#include "common/process/spawn.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two hosts that share a home.
class HeldClaimTest : public PartFixture {
 protected:
  SessionContext Host(const std::string& name) {
    return {.host_id = name, .boot_id = name, .pid_namespace = "pid:[1]", .hostname = name};
  }
  HeldClaim Of(const SessionContext& host) {
    return HeldClaim(
        "4f6d", host, *files, [this] { return path; }, [] { return "claude for team gpu"; });
  }

  static absl::Status TakeForStart(HeldClaim& claim) {
    absl::Status taken = absl::UnknownError("not known yet");
    claim.TakeForStart([&taken](const absl::Status& outcome) { taken = outcome; });
    return taken;
  }
  static absl::Status Hold(HeldClaim& claim) {
    absl::Status held = absl::UnknownError("not known yet");
    claim.Hold([&held](const absl::Status& outcome) { held = outcome; });
    return held;
  }
  // A child of this host runs, for all that its files say.
  void NoteChild() {
    saved::State state = files->state();
    state.mutable_child()->set_keeper(getpid());
    state.mutable_child()->set_keeper_start_time(ProcessStartTime(getpid()));
    state.mutable_child()->set_claim(path);
    ASSERT_TRUE(files->SaveState(state).ok());
  }

  HeldWork work;
  std::string path = scratch.File("projects/.iris/4f6d.claim");
  SessionContext one_host = Host("gpu1"), other_host = Host("gpu2");
  HeldClaim one = Of(one_host), other = Of(other_host);
};

TEST_F(HeldClaimTest, OneHostHasItUntilItIsReleased) {
  EXPECT_FALSE(one.is_held());
  ASSERT_TRUE(TakeForStart(one).ok());
  EXPECT_TRUE(one.is_held());
  EXPECT_EQ(one.held_path(), path);
  const absl::Status refused = TakeForStart(other);
  EXPECT_EQ(KindOf(refused), v1::FAILURE_WRONG_HOST);
  EXPECT_TRUE(other.is_anothers());
  EXPECT_FALSE(other.is_held());
  v1::ClaimInfo info;
  other.DescribeOther(info);
  EXPECT_EQ(info.hostname(), "gpu1");

  one.Release();
  EXPECT_FALSE(one.is_held());
  EXPECT_TRUE(TakeForStart(other).ok());
  EXPECT_FALSE(other.is_anothers());
  other.Release();
}

TEST_F(HeldClaimTest, ATakeoverIsForOneStart) {
  ASSERT_TRUE(TakeForStart(one).ok());
  other.TakeOverNext();
  other.ForgetTakeover();
  EXPECT_FALSE(TakeForStart(other).ok());
  other.TakeOverNext();
  EXPECT_TRUE(TakeForStart(other).ok());
  one.Release();  // Which leaves what is the other one's.
  EXPECT_EQ(KindOf(TakeForStart(one)), v1::FAILURE_WRONG_HOST);
  other.Release();
}

TEST_F(HeldClaimTest, WhatIsNotedNowhereIsHeld) {
  EXPECT_TRUE(Hold(one).ok());
  // No Open came: nobody knows where.
  one.TakeForSurvivor({.pid = 1}, [](bool is_ours) { EXPECT_FALSE(is_ours); });
  EXPECT_FALSE(one.is_held());
}

TEST_F(HeldClaimTest, ATooLongPathIsRefused) {
  path = scratch.File(std::string(3000, 'x'));
  const absl::Status refused = TakeForStart(one);
  EXPECT_EQ(KindOf(refused), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("claude for team gpu"));
  EXPECT_FALSE(one.is_held());
}

TEST_F(HeldClaimTest, ItIsTakenAndReleasedInOrderWhenSomebodyHasTheTime) {
  one_host.slow_work = &work;
  std::vector<std::string> heard;
  one.TakeForStart(
      [&](const absl::Status& taken) { heard.push_back(taken.ok() ? "taken" : "no"); });
  EXPECT_TRUE(one.is_busy());
  EXPECT_FALSE(one.is_held());
  work.DoOne();
  EXPECT_THAT(heard, ElementsAre("taken"));
  EXPECT_TRUE(one.is_held());
  EXPECT_FALSE(one.is_busy());
  one.Release();
  EXPECT_FALSE(one.is_held());
  EXPECT_TRUE(one.is_busy());
  EXPECT_TRUE(std::filesystem::exists(path));
  work.DoAll();
  EXPECT_FALSE(one.is_busy());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(HeldClaimTest, OneThatCannotBeLookedAtInTimeIsNotTaken) {
  one_host.slow_work = &work;
  absl::Status taken;
  one.TakeForStart([&](const absl::Status& outcome) { taken = outcome; });
  work.BeLate();
  EXPECT_EQ(KindOf(taken), v1::FAILURE_STORAGE);
  EXPECT_THAT(std::string(taken.message()), HasSubstr("session 4f6d cannot be claimed: no answer"));
  EXPECT_FALSE(one.is_held());
  EXPECT_FALSE(one.is_anothers());
}

TEST_F(HeldClaimTest, OneThatIsHeldStaysSoWhereNobodyCanLook) {
  NoteChild();
  one_host.slow_work = &work;
  absl::Status held = absl::UnknownError("not known yet");
  one.Hold([&](const absl::Status& outcome) { held = outcome; });
  work.BeLate();
  EXPECT_TRUE(held.ok());
}

TEST_F(HeldClaimTest, AChildIsHeldUntilAnotherHostTakesIt) {
  ASSERT_TRUE(TakeForStart(one).ok());
  NoteChild();
  EXPECT_TRUE(Hold(one).ok());
  other.TakeOverNext();
  ASSERT_TRUE(TakeForStart(other).ok());
  EXPECT_EQ(KindOf(Hold(one)), v1::FAILURE_WRONG_HOST);
  EXPECT_TRUE(one.is_anothers());
}

// Two jobs for the start, and one that has seen the file which that has left.
TEST_F(HeldClaimTest, AClaimThatNothingHappenedToIsKnownAtOnce) {
  one_host.slow_work = &work;
  one.TakeForStart([](const absl::Status& taken) { EXPECT_TRUE(taken.ok()); });
  work.DoOne();
  NoteChild();
  one.Hold([](const absl::Status& held) { EXPECT_TRUE(held.ok()); });
  work.DoAll();
  EXPECT_TRUE(Hold(one).ok());
  EXPECT_EQ(work.waiting(), 0u);
  EXPECT_TRUE(Hold(one).ok());
}

TEST_F(HeldClaimTest, OneThatWasReplacedOrRemovedIsLookedAt) {
  one_host.slow_work = &work;
  one.TakeForStart([](const absl::Status&) {});
  NoteChild();
  one.Hold([](const absl::Status&) {});
  work.DoAll();
  ASSERT_TRUE(Hold(one).ok());

  const std::string copy = scratch.File("copy");
  for (const auto& change :
       std::vector<std::function<void()>>{[&] {
                                            std::filesystem::copy_file(path, copy);
                                            std::filesystem::rename(copy, path);
                                          },
                                          [&] { std::filesystem::remove(path); }}) {
    change();
    absl::Status held = absl::UnknownError("not known yet");
    one.Hold([&](const absl::Status& outcome) { held = outcome; });
    EXPECT_EQ(work.waiting(), 1u);
    work.DoAll();
    EXPECT_TRUE(held.ok());
    one.Hold([](const absl::Status&) {});
    work.DoAll();  // It is seen as it is by now.
  }
}

TEST_F(HeldClaimTest, OneOnTheNetworkIsLookedAtElsewhereEachTime) {
  one_host.is_on_network = [this](const std::string& at) { return at == path; };
  one_host.slow_work = &work;
  one.TakeForStart([](const absl::Status&) {});
  NoteChild();
  for (int i = 0; i < 3; ++i) {
    work.DoAll();
    one.Hold([](const absl::Status& held) { EXPECT_TRUE(held.ok()); });
    EXPECT_EQ(work.waiting(), 1u);
  }
  work.DoAll();
}

TEST_F(HeldClaimTest, WhoIsGoneHearsNothing) {
  one_host.slow_work = &work;
  {
    HeldClaim gone = Of(one_host);
    gone.TakeForStart([](const absl::Status&) { ADD_FAILURE(); });
  }
  work.DoAll();
}

TEST(HeldClaimDeathTest, NobodyClaimsASessionTwice) {
  struct Scene : HeldClaimTest {
    void TestBody() override {}
    void TakeTwice() {
      (void)TakeForStart(one);
      (void)TakeForStart(one);
    }
  };
  EXPECT_DEATH(Scene().TakeTwice(), "claimed twice");
}

}  // namespace
}  // namespace iris
