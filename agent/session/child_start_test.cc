#include "agent/session/child_start.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "agent/session/claim.h"
#include "agent/session/part_fixture.h"
#include "agent/testing/fake_child.h"
#include "agent/testing/held_work.h"
#include "agent/testing/unheard_claude.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kA = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";

// Another thread looks at the host, at the claim, for the transcript, and at the claim once more,
// each when the test says so. What is started is no process.
class ChildStartTest : public PartFixture, protected ChildStartSink {
 protected:
  ChildStartTest() {
    context.slow_work = &work;
    std::filesystem::create_directory(scratch.File("project"));
    const std::string program = scratch.File("claude");
    std::ofstream(program) << "#!/bin/sh\n";
    chmod(program.c_str(), 0700);
    v1::LaunchSpec launch;
    launch.set_team("gpu");
    launch.set_cwd(scratch.File("project"));
    launch.set_claude_path(program);
    EXPECT_TRUE(spec.Renew(launch).ok());
  }

  void Do(int steps) {
    for (int i = 0; i < steps; ++i) work.DoOne();
  }
  // What was started is gone, and nothing is left of it.
  void EndClaude() {
    claude.reset();
    claim.Release();
  }
  // Another host that shares this home has the session.
  void ClaimElsewhere() {
    const Claim theirs{.host_id = "other",
                       .hostname = "gpu2",
                       .boot_id = "other",
                       .pid_namespace = "pid:[2]",
                       .process = {.pid = 1},
                       .since = absl::Now()};
    ASSERT_TRUE(TakeClaim(spec.ClaimFile(), theirs, /*takeover=*/false).ok());
  }
  // The host that has it; "": none.
  std::string WhoClaims() const {
    const absl::StatusOr<std::optional<Claim>> claimed = ReadClaim(spec.ClaimFile());
    EXPECT_TRUE(claimed.ok()) << claimed.status();
    return claimed.ok() && claimed->has_value() ? (*claimed)->hostname : "";
  }
  static std::string Who() { return "claude"; }

  void OnProcess(std::unique_ptr<ClaudeChild> process) override {
    EXPECT_FALSE(start.is_under_way());
    EXPECT_TRUE(note.exists());
    heard.emplace_back("process");
    claude = std::move(process);
  }
  void OnProcessHeld(const absl::Status& held) override {
    heard.emplace_back("held");
    why = held;
  }
  void OnStartFailed(const absl::Status& failure) override {
    EXPECT_FALSE(start.is_under_way());
    heard.emplace_back("failed");
    why = failure;
    claim.Release();
  }
  void OnStartAbandoned() override {
    EXPECT_FALSE(start.is_under_way());
    heard.emplace_back("abandoned");
    claim.Release();
  }

  HeldWork work;
  SessionContext context{.host_id = "host",
                         .boot_id = "boot",
                         .pid_namespace = "pid:[1]",
                         .hostname = "gpu1",
                         .home = scratch.path(),
                         .program_dirs = {},
                         .child_env = {"PATH=/usr/bin:/bin"}};
  std::vector<std::string> heard;
  absl::Status why;
  SessionSpec spec{context, kA, *files, nullptr};
  HeldClaim claim{kA, context, *files, [this] { return spec.ClaimFile(); }, Who};
  ChildNote note{context, *files, claim, Who};
  UnheardClaude claude_sink;
  absl::Status refused;  // Not OK: no process can be started.
  std::string life_file;
  FakeChild* child = nullptr;
  ChildStart start{loop,
                   context,
                   {*files, spec, claim, note},
                   [this](EventLoop& on, const ChildSpec& what,
                          ChildSink& sink) -> absl::StatusOr<std::unique_ptr<Child>> {
                     if (!refused.ok()) return refused;
                     life_file = what.life_file;
                     return FakeChild::Into(&child)(on, what, sink);
                   },
                   claude_sink,
                   *this,
                   Who};
  std::unique_ptr<ClaudeChild> claude;
};

TEST_F(ChildStartTest, LeadsToAProcessThatIsNotedAndThenHeld) {
  start.Begin();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(start.is_under_way());
    EXPECT_FALSE(start.is_abandoned());
    EXPECT_THAT(heard, IsEmpty());
    work.DoOne();
  }
  EXPECT_THAT(heard, ElementsAre("process"));
  EXPECT_EQ(files->state().child().claim(), claim.held_path());
  EXPECT_EQ(life_file, files->life_path());
  EXPECT_FALSE(claude->resumed());
  Do(1);
  EXPECT_THAT(heard, ElementsAre("process", "held"));
  EXPECT_TRUE(why.ok()) << why;
  EXPECT_THAT(child->written(), IsEmpty()) << "whoever hears of it speaks to it";
}

TEST_F(ChildStartTest, OneThatIsAbandonedWhileItIsPlannedClaimsNothing) {
  start.Begin();
  start.Abandon();
  EXPECT_TRUE(start.is_under_way());
  EXPECT_TRUE(start.is_abandoned());
  EXPECT_THAT(heard, IsEmpty());
  Do(1);
  EXPECT_THAT(heard, ElementsAre("abandoned"));
  EXPECT_FALSE(start.is_abandoned());
  EXPECT_EQ(child, nullptr);
  EXPECT_EQ(WhoClaims(), "");
}

TEST_F(ChildStartTest, OneThatIsAbandonedLaterGetsNoProcess) {
  for (int done = 1; done < 3; ++done) {
    heard.clear();
    start.Begin();
    Do(done);
    start.Abandon();
    work.DoAll();
    EXPECT_THAT(heard, ElementsAre("abandoned")) << "after " << done << " steps";
    EXPECT_EQ(child, nullptr);
    EXPECT_EQ(WhoClaims(), "");
  }
}

TEST_F(ChildStartTest, OneWhoseSessionAnotherHostHasFails) {
  ClaimElsewhere();
  start.Begin();
  work.DoAll();
  EXPECT_THAT(heard, ElementsAre("failed"));
  EXPECT_EQ(KindOf(why), v1::FAILURE_WRONG_HOST);
  EXPECT_EQ(child, nullptr);
  EXPECT_FALSE(note.exists());
  EXPECT_EQ(WhoClaims(), "gpu2");
}

TEST_F(ChildStartTest, OneThatIsToTakeTheSessionOverMeanwhileBeginsAnew) {
  ClaimElsewhere();
  start.Begin();
  Do(1);
  claim.TakeOverNext();
  Do(1);
  EXPECT_THAT(heard, IsEmpty());
  EXPECT_TRUE(start.is_under_way());
  work.DoAll();
  EXPECT_THAT(heard, ElementsAre("process", "held"));
  EXPECT_TRUE(why.ok()) << why;
  EXPECT_EQ(WhoClaims(), "gpu1");
}

TEST_F(ChildStartTest, OneThatIsAbandonedDoesNotBeginAnew) {
  ClaimElsewhere();
  start.Begin();
  Do(1);
  claim.TakeOverNext();
  start.Abandon();
  work.DoAll();
  EXPECT_THAT(heard, ElementsAre("abandoned"));
  EXPECT_EQ(WhoClaims(), "gpu2");
}

TEST_F(ChildStartTest, OneResumesWhatIsElsewhereAndTheNextLooksAgain) {
  start.ResumeNextAnyway();
  start.Begin();
  Do(2);
  EXPECT_THAT(heard, ElementsAre("process")) << "no transcript is sought";
  EXPECT_TRUE(claude->resumed());
  EndClaude();
  start.Begin();
  work.DoAll();
  EXPECT_FALSE(claude->resumed());
}

TEST_F(ChildStartTest, OneThatFailsBeforeItsClaimLeavesItToTheNextToResume) {
  ClaimElsewhere();
  start.ResumeNextAnyway();
  start.Begin();
  work.DoAll();
  EXPECT_THAT(heard, ElementsAre("failed"));
  claim.TakeOverNext();
  start.Begin();
  work.DoAll();
  EXPECT_TRUE(claude->resumed());
}

TEST_F(ChildStartTest, OneThatTheSystemStartsNoProcessForFails) {
  refused = absl::UnknownError("no keeper");
  start.Begin();
  work.DoAll();
  EXPECT_THAT(heard, ElementsAre("failed"));
  EXPECT_EQ(KindOf(why), v1::FAILURE_CHILD_EXITED);
  EXPECT_THAT(std::string(why.message()), HasSubstr("claude could not be started: no keeper"));
  EXPECT_FALSE(note.exists());
  EXPECT_EQ(WhoClaims(), "");
}

TEST_F(ChildStartTest, OneWhoseProcessCannotBeNotedLeavesNone) {
  const std::filesystem::path state = scratch.File("session") + "/state";
  std::filesystem::remove(state);
  std::filesystem::create_directory(state);
  start.Begin();
  work.DoAll();
  EXPECT_THAT(heard, ElementsAre("failed"));
  EXPECT_EQ(KindOf(why), v1::FAILURE_STORAGE);
  EXPECT_EQ(life_file, files->life_path()) << "there was a process";
  EXPECT_EQ(child, nullptr);
}

TEST_F(ChildStartTest, WhatComesOfAnEarlierOneIsNobodys) {
  start.Begin();
  Do(3);
  EndClaude();
  start.Begin();
  Do(1);  // The claim of the first one was looked at.
  EXPECT_THAT(heard, ElementsAre("process"));
  work.DoAll();
  EXPECT_THAT(heard, ElementsAre("process", "process", "held"));
}

}  // namespace
}  // namespace iris
