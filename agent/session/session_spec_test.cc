#include "agent/session/session_spec.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "agent/session/part_fixture.h"
#include "agent/testing/held_work.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::Not;

constexpr char kId[] = "4f6d0000-0000-4000-8000-000000000000";

class SessionSpecTest : public PartFixture {
 protected:
  SessionSpecTest() {
    std::filesystem::create_directory(scratch.File("project"));
    const std::string program = scratch.File("claude");
    std::ofstream(program) << "#!/bin/sh\n";
    chmod(program.c_str(), 0700);
    launch.set_team("gpu");
    launch.set_from("me@laptop");
    launch.set_cwd(scratch.File("project"));
    launch.set_claude_path(program);
    BeginAnew();
  }
  // In an agent's next life, or in the program that this one became.
  void BeginAnew(const handover::Session* before = nullptr) {
    spec = std::make_unique<SessionSpec>(context, kId, *files, before);
  }
  void Start() {
    spec->Plan([this](absl::StatusOr<LaunchPlan> planned) { plan = std::move(planned); });
    ASSERT_TRUE(plan.ok()) << plan.status();
  }
  void SetEnvironment(const std::string& id, const std::string& entry) {
    launch.set_environment_id(id);
    launch.mutable_environment()->clear_entries();
    launch.mutable_environment()->add_entries(entry);
  }

  v1::LaunchSpec launch;
  SessionContext context{.hostname = "gpu1",
                         .home = scratch.path(),
                         .program_dirs = {},
                         .child_env = {"PATH=/usr/bin:/bin"}};
  std::unique_ptr<SessionSpec> spec;
  absl::StatusOr<LaunchPlan> plan = absl::UnknownError("not planned");
};

TEST_F(SessionSpecTest, TheNewestOpenCountsAndOutlivesTheAgent) {
  EXPECT_FALSE(spec->opened());
  EXPECT_EQ(spec->ClaimFile(), "");
  ASSERT_TRUE(spec->Renew(launch).ok());
  launch.set_team("web");
  ASSERT_TRUE(spec->Renew(launch).ok());
  NextAgent();
  BeginAnew();
  EXPECT_TRUE(spec->opened());
  EXPECT_THAT(spec->ClaimFile(), EndsWith(std::string(kId) + ".claim"));
  EXPECT_EQ(spec->Who(), "claude for team web on gpu1");
  v1::SessionInfo info;
  spec->Describe(info);
  EXPECT_EQ(info.team(), "web");
  EXPECT_EQ(info.from(), "me@laptop");
  EXPECT_EQ(info.cwd(), launch.cwd());
}

TEST_F(SessionSpecTest, AChildIsOutdatedBySomethingElseToStart) {
  ASSERT_TRUE(spec->Renew(launch).ok());
  Start();
  EXPECT_FALSE(spec->IsOutdated());
  launch.set_team("another name");
  ASSERT_TRUE(spec->Renew(launch).ok());
  EXPECT_FALSE(spec->IsOutdated());
  launch.add_args("--model=other");
  ASSERT_TRUE(spec->Renew(launch).ok());
  EXPECT_TRUE(spec->IsOutdated());
  Start();
  EXPECT_FALSE(spec->IsOutdated());
  EXPECT_THAT(spec->of_child().args(), Contains("--model=other"));
}

TEST_F(SessionSpecTest, AChildIsGivenTimeAsItsLaunchSays) {
  ASSERT_TRUE(spec->Renew(launch).ok());
  Start();
  EXPECT_EQ(spec->InitTimeoutOfChild(), absl::Seconds(30));
  launch.set_init_timeout_ms(1'500);
  ASSERT_TRUE(spec->Renew(launch).ok());
  EXPECT_EQ(spec->InitTimeoutOfChild(), absl::Seconds(30));  // It runs already.
  Start();
  EXPECT_EQ(spec->InitTimeoutOfChild(), absl::Milliseconds(1'500));
}

TEST_F(SessionSpecTest, AChildIsOutdatedByAnotherDirectoryInThePlaceOfItsOwn) {
  ASSERT_TRUE(spec->Renew(launch).ok());
  Start();
  std::filesystem::rename(scratch.File("project"), scratch.File("old"));
  EXPECT_FALSE(spec->IsOutdated());  // It is most likely being replaced.
  std::filesystem::create_directory(scratch.File("project"));
  EXPECT_TRUE(spec->IsOutdated());
}

TEST_F(SessionSpecTest, ADirectoryOnTheNetworkIsNotLookedAtAgain) {
  context.is_on_network = [](const std::string& path) {
    return path.find("/project") != std::string::npos;
  };
  ASSERT_TRUE(spec->Renew(launch).ok());
  Start();
  std::filesystem::rename(scratch.File("project"), scratch.File("old"));
  std::filesystem::create_directory(scratch.File("project"));
  EXPECT_FALSE(spec->IsOutdated());
}

TEST_F(SessionSpecTest, WhoSaysNothingOfAnEnvironmentLeavesTheOneBefore) {
  SetEnvironment("one", "A=1");
  ASSERT_TRUE(spec->Renew(launch).ok());
  v1::LaunchSpec silent = launch;
  silent.clear_environment();
  silent.clear_environment_id();
  silent.set_team("web");
  ASSERT_TRUE(spec->Renew(silent).ok());
  EXPECT_EQ(spec->newest().environment_id(), "one");
  EXPECT_THAT(spec->newest().environment().entries(), Contains("A=1"));
}

TEST_F(SessionSpecTest, AnEnvironmentIsInNoFile) {
  SetEnvironment("one", "A=1");
  ASSERT_TRUE(spec->Renew(launch).ok());
  NextAgent();
  BeginAnew();
  EXPECT_FALSE(spec->newest().has_environment());
  EXPECT_EQ(spec->newest().environment_id(), "");
}

TEST_F(SessionSpecTest, ATooLargeEnvironmentIsRefusedAndChangesNothing) {
  ASSERT_TRUE(spec->Renew(launch).ok());
  SetEnvironment("one", "A=" + std::string(1 << 20, 'x'));
  launch.set_team("web");
  EXPECT_EQ(KindOf(spec->Renew(launch)), v1::FAILURE_BAD_REQUEST);
  EXPECT_EQ(spec->newest().team(), "gpu");
}

TEST_F(SessionSpecTest, AnUpgradeKnowsHowTheChildWasStarted) {
  SetEnvironment("one", "A=1");
  ASSERT_TRUE(spec->Renew(launch).ok());
  Start();
  launch.add_args("--model=other");
  ASSERT_TRUE(spec->Renew(launch).ok());
  handover::Session before;
  spec->HandOver(/*child=*/true, before);
  NextAgent();
  BeginAnew(&before);
  spec->AdoptChild(before);
  EXPECT_EQ(spec->newest().environment_id(), "one");
  EXPECT_TRUE(spec->newest().has_environment());
  EXPECT_EQ(spec->of_child().args_size(), 0);
  EXPECT_TRUE(spec->IsOutdated());
}

// ---------------------------------------------------- where the host takes a while to look at

class SessionSpecWaitsTest : public SessionSpecTest {
 protected:
  SessionSpecWaitsTest() {
    context.slow_work = &work;
    EXPECT_TRUE(spec->Renew(launch).ok());
    spec->Plan([this](absl::StatusOr<LaunchPlan> planned) { plan = std::move(planned); });
  }
  HeldWork work;
};

TEST_F(SessionSpecWaitsTest, WhatComesMeanwhileIsForTheNextOne) {
  launch.add_args("--model=other");
  ASSERT_TRUE(spec->Renew(launch).ok());
  EXPECT_TRUE(spec->IsOutdated());
  work.DoOne();
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->child.args, Not(Contains("--model=other")));
  EXPECT_EQ(spec->of_child().args_size(), 0);
  EXPECT_TRUE(plan->directory.known());
}

TEST_F(SessionSpecWaitsTest, WhatCannotBeLookedAtInTimeIsAFailure) {
  work.BeLate();
  EXPECT_EQ(KindOf(plan.status()), v1::FAILURE_STORAGE);
}

TEST_F(SessionSpecWaitsTest, NobodyHearsOfItAnyMore) {
  spec.reset();
  work.DoOne();
  EXPECT_TRUE(absl::IsUnknown(plan.status()));
}

}  // namespace
}  // namespace iris
