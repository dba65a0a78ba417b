#include "agent/session/recovery.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/session/part_fixture.h"
#include "agent/testing/held_work.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// An agent after one that was killed.
class RecoveryTest : public PartFixture, protected RecoverySink {
 protected:
  // What it has left, by its files.
  void NoteChild(const std::string& boot, const std::string& pid_namespace) {
    saved::State state = files->state();
    state.mutable_child()->set_boot_id(boot);
    state.mutable_child()->set_pid_namespace(pid_namespace);
    ASSERT_TRUE(files->SaveState(state).ok());
  }
  void Begin() { recovery.Begin({}); }

  void OnDraining(absl::string_view why) override { draining = std::string(why); }
  void OnSurvivorGone() override {
    EXPECT_FALSE(recovery.is_draining());
    ++gone;
  }

  SessionContext context{.host_id = "host",
                         .boot_id = "boot",
                         .pid_namespace = "pid:[1]",
                         .hostname = "gpu1",
                         .drain_max = absl::Minutes(10)};
  HeldClaim claim{"4f6d", context, *files, [] { return ""; }, [] { return "claude"; }};
  int strays_killed = 0;
  Recovery recovery{loop,   context,
                    "4f6d", *files,
                    claim,  [this](const std::string&) -> size_t { return ++strays_killed; },
                    *this};
  std::string draining = "unsaid";
  int gone = 0;
};

TEST_F(RecoveryTest, WithoutAChildNothingIsWaitedFor) {
  Begin();
  EXPECT_EQ(gone, 1);
  EXPECT_EQ(draining, "");
  EXPECT_EQ(strays_killed, 0);
}

TEST_F(RecoveryTest, NothingOutlivesABoot) {
  NoteChild("another boot", "pid:[1]");
  Begin();
  EXPECT_EQ(gone, 1);
}

TEST_F(RecoveryTest, OneThatIsGoneIsFoundOutSoon) {
  NoteChild("boot", "pid:[1]");
  saved::State state = files->state();
  state.mutable_child()->set_pid(2'000'000'000);  // No Linux has it.
  state.mutable_child()->set_start_time(1);
  ASSERT_TRUE(files->SaveState(state).ok());
  Begin();
  EXPECT_TRUE(recovery.is_draining());
  EXPECT_THAT(draining, HasSubstr("finishes its turn"));
  EXPECT_EQ(gone, 0);
  v1::SessionInfo waited_for, over;
  recovery.Describe(waited_for);
  EXPECT_EQ(waited_for.child().pid(), 2'000'000'000);
  EXPECT_EQ(waited_for.child().boot_id(), "boot");
  Pass(absl::Seconds(1));
  EXPECT_EQ(gone, 1);
  EXPECT_FALSE(recovery.is_draining());
  recovery.Describe(over);
  EXPECT_FALSE(over.has_child());
}

TEST_F(RecoveryTest, OneThatCannotBeSeenIsWaitedForAsLongAsAllowed) {
  NoteChild("boot", "pid:[2]");
  Begin();
  EXPECT_TRUE(recovery.is_draining());
  EXPECT_THAT(draining, HasSubstr("another container"));
  Pass(absl::Minutes(9));
  EXPECT_EQ(gone, 0);
  Pass(absl::Minutes(1));
  EXPECT_EQ(gone, 1);
  EXPECT_EQ(draining, "");
}

TEST_F(RecoveryTest, WhoAsksForTheEndOfOneThatCannotBeSeenLetsItGo) {
  NoteChild("boot", "pid:[2]");
  Begin();
  recovery.End();
  EXPECT_EQ(gone, 1);
  Pass(absl::Minutes(20));
  EXPECT_EQ(gone, 1);
}

TEST_F(RecoveryTest, OneThatIsBeingClaimedIsEndedWhenItIsKnownWhoseItIs) {
  HeldWork work;
  context.slow_work = &work;
  SaveLaunch();
  NoteChild("boot", "pid:[1]");
  saved::State state = files->state();
  state.mutable_child()->set_keeper(2'000'000'000);  // No Linux has it.
  state.mutable_child()->set_keeper_start_time(1);
  state.mutable_child()->set_claim(scratch.File("projects/.iris/4f6d.claim"));
  ASSERT_TRUE(files->SaveState(state).ok());
  Begin();
  EXPECT_TRUE(recovery.is_draining());
  recovery.End();
  Pass(absl::Minutes(5));
  EXPECT_EQ(gone, 0);
  work.DoOne();
  Pass(absl::Seconds(1));
  // Its keeper was gone, and left its tools to nobody. Nothing is started beside them.
  EXPECT_EQ(gone, 0);
  EXPECT_TRUE(recovery.is_draining());
  recovery.End();
  EXPECT_EQ(work.waiting(), 1u);
  work.DoOne();
  EXPECT_EQ(strays_killed, 1);
  EXPECT_EQ(gone, 1);
  work.DoAll();
}

TEST_F(RecoveryTest, StraysThatCannotBeLookedForAreNotWaitedForForEver) {
  HeldWork work;
  context.slow_work = &work;
  SaveLaunch();
  NoteChild("boot", "pid:[1]");
  saved::State state = files->state();
  state.mutable_child()->set_keeper(2'000'000'000);  // No Linux has it.
  state.mutable_child()->set_keeper_start_time(1);
  state.mutable_child()->set_claim(scratch.File("projects/.iris/4f6d.claim"));
  ASSERT_TRUE(files->SaveState(state).ok());
  Begin();
  work.DoOne();
  Pass(absl::Seconds(1));
  EXPECT_EQ(gone, 0);
  work.BeLate();
  EXPECT_EQ(gone, 1);
  EXPECT_EQ(strays_killed, 0);
  work.DoAll();
}

}  // namespace
}  // namespace iris
