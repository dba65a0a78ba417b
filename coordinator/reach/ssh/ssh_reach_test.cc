#include "coordinator/reach/ssh/ssh_reach.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/config/config.h"
#include "coordinator/link/target.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::StartsWith;

class SshReachTest : public ::testing::Test {
 protected:
  SshReachTest() { MakeReach(); }
  void MakeReach() {
    reach_ =
        MakeSshReach({.bundle = bundle_.get(), .runtime_dir = [] { return std::string("/tmp"); }});
  }
  static RemoteWay WayBy(const std::string& program) {
    RemoteWay way;
    way.remote = {
        .text = program + " gpu", .program = program, .options = {}, .destination = "gpu"};
    return way;
  }
  // As a link connects: to what it means for whoever has `env`.
  absl::Status Connect(const RemoteWay& way, const Environment& env) {
    const std::atomic<bool> cancelled = false;
    const absl::StatusOr<ResolvedTarget> resolved = reach_->To(way)->For(env)->Resolve(cancelled);
    if (!resolved.ok()) return resolved.status();
    return resolved->target
        ->Connect({.on_progress = [](const ConnectProgress&) {},
                   .cancelled = cancelled,
                   .on_tried = [this] { ++tried_; }})
        .status();
  }

  const ScratchDir scratch_;
  std::unique_ptr<AgentBundle> bundle_ = AgentBundle::Find({});
  std::unique_ptr<Reach> reach_;
  int tried_ = 0;
};

TEST_F(SshReachTest, ATargetIsItsWayAndWhoseItIs) {
  const TargetPtr target = reach_->To(WayBy("ssh"));
  EXPECT_EQ(target->kind(), "ssh");
  EXPECT_EQ(target->way(), WayBy("ssh"));
  EXPECT_EQ(target->resolving(), "waiting for ssh's configuration of gpu");
  const TargetPtr mine = target->For({{"SSH_AUTH_SOCK", "/mine"}});
  EXPECT_EQ(mine->way(), target->way());
  EXPECT_EQ(mine->question(), target->For({{"SSH_AUTH_SOCK", "/mine"}})->question());
  EXPECT_NE(mine->question(), target->For({{"SSH_AUTH_SOCK", "/yours"}})->question());
}

TEST_F(SshReachTest, SshRunsWithTheEnvironmentOfWhoeverAsks) {
  const std::string program = scratch_.File("like-ssh"), keys = scratch_.File("keys");
  std::ofstream(program) << "#!/bin/sh\necho \"$SSH_AUTH_SOCK\" >>" << keys << "\nexit 255\n";
  chmod(program.c_str(), 0700);
  // A program that could be put there: without any, ssh is not run.
  ASSERT_EQ(symlink("/proc/self/exe", scratch_.File("iris-agent").c_str()), 0);
  bundle_ = AgentBundle::Find({scratch_.path()});
  MakeReach();
  const absl::Status why = Connect(WayBy(program), {{"SSH_AUTH_SOCK", "/of-who-asks"}});
  EXPECT_THAT(ToProto(why).detail(), StartsWith("gpu: "));
  EXPECT_EQ(tried_, 1);
  std::ifstream lines(keys);
  int runs = 0;
  for (std::string line; std::getline(lines, line); ++runs) EXPECT_EQ(line, "/of-who-asks");
  EXPECT_EQ(runs, 2) << "to ask what it means, and to connect";
}

TEST_F(SshReachTest, WhatFailsBeforeSshRunsCostsNoLogin) {
  const std::string program = scratch_.File("like-ssh");
  std::ofstream(program) << "#!/bin/sh\nexit 255\n";
  chmod(program.c_str(), 0700);
  EXPECT_EQ(KindOf(Connect(WayBy(program), {})), v1::FAILURE_NO_AGENT_POSSIBLE)
      << "there is no build to put there";
  EXPECT_EQ(tried_, 0);
}

}  // namespace
}  // namespace iris
