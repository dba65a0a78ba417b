#include "coordinator/reach/testing/exec_reach.h"

#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/config/config.h"
#include "coordinator/config/key.h"
#include "coordinator/link/connection.h"
#include "coordinator/link/target.h"
#include "coordinator/reach/reach.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// As `docker exec -i box` would be: `sh -c SCRIPT box`, whose script has the words behind it in $@.
class ExecReachTest : public ::testing::Test {
 protected:
  RemoteWay WayBy(const std::string& script) {
    RemoteWay way;
    way.options.agent_dir = scratch_.File("agent");
    way.options.connect_timeout = absl::Minutes(1);
    if (!shell_.empty()) way.options.own["shell"].text = shell_;
    const RemoteText text = {.text = "sh -c … box", .words = {"sh", "-c", script, "box"}};
    EXPECT_TRUE(reach_.Read(text, way).ok());
    return way;
  }
  absl::StatusOr<Connection> ConnectBy(const std::string& script) {
    const std::atomic<bool> cancelled = false;
    const TargetPtr target = reach_.To(WayBy(script))->For(env_);
    const absl::StatusOr<ResolvedTarget> resolved = target->Resolve(cancelled);
    EXPECT_EQ(resolved->name, "box");
    stages_.clear();
    return resolved->target->Connect({.on_progress =
                                          [this](const ConnectProgress& progress) {
                                            if (stages_.empty() ||
                                                stages_.back() != progress.stage) {
                                              stages_.push_back(progress.stage);
                                            }
                                          },
                                      .cancelled = cancelled,
                                      .on_tried = [] {}});
  }
  Failure FailureBy(const std::string& script) { return ToProto(ConnectBy(script).status()); }

  const ScratchDir scratch_;
  const std::unique_ptr<AgentBundle> bundle_ = AgentBundle::Find(
      {absl::StrCat(getenv("TEST_SRCDIR"), "/iris/coordinator/reach/shell/testing")});
  const Environment env_ = {{"HOME", scratch_.path()}, {"PATH", "/usr/bin:/bin"}};
  const ExecReach reach_{"sh", *bundle_};
  std::vector<ConnectProgress::Stage> stages_;
  std::string shell_;  // remoteOptions.shell; empty: not given.
};

TEST_F(ExecReachTest, TheAgentIsPutThereOnceAndReachedThroughTheCommand) {
  using Stage = ConnectProgress::Stage;
  const absl::StatusOr<Connection> cold = ConnectBy("exec \"$@\"");
  ASSERT_TRUE(cold.ok()) << cold.status();
  EXPECT_TRUE(cold->wire);
  EXPECT_EQ(cold->mode, LinkMode::kStdio);
  EXPECT_EQ(cold->hello.data_dir(), scratch_.File("agent"));
  EXPECT_THAT(stages_, ElementsAre(Stage::kUploading, Stage::kStarting));

  const absl::StatusOr<Connection> warm = ConnectBy("exec \"$@\"");
  ASSERT_TRUE(warm.ok()) << warm.status();
  EXPECT_THAT(stages_, ElementsAre(Stage::kStarting));
}

TEST_F(ExecReachTest, ARemoteIsOfTheKindByItsFirstWord) {
  EXPECT_TRUE(reach_.Reads("sh"));
  EXPECT_FALSE(reach_.Reads("ssh"));
  RemoteWay way = WayBy("exec \"$@\"");
  EXPECT_EQ(way.remote.program, "sh");
  EXPECT_THAT(way.remote.options, ElementsAre("-c", "exec \"$@\""));
  EXPECT_EQ(way.remote.destination, "box");
  EXPECT_EQ(KindOf(reach_.Read({.text = "sh", .words = {"sh"}}, way)), v1::FAILURE_BAD_REQUEST);
}

TEST_F(ExecReachTest, WhatTheCommandSaysAsItEndsIsWhyThereIsNoConnection) {
  const Failure failure = FailureBy("echo no such box >&2; exit 1");
  EXPECT_EQ(failure.kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(failure.detail(), AllOf(StartsWith("box: "), HasSubstr("no such box")));
}

TEST_F(ExecReachTest, WhereThereIsNoShellNoAgentIsPossible) {
  EXPECT_EQ(FailureBy("exec no-such-shell").kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
}

// The loader refuses any other key, and stores what this one says.
TEST_F(ExecReachTest, AKeyOfTheKindsOwnDecidesWhatRunsThere) {
  ASSERT_EQ(reach_.keys().size(), 1u);
  EXPECT_EQ(NameOf(reach_.keys()[0]), "shell");
  shell_ = "/bin/sh";
  EXPECT_TRUE(ConnectBy("exec \"$@\"").ok());
  shell_ = "no-such-shell";
  EXPECT_EQ(FailureBy("exec \"$@\"").kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
}

TEST_F(ExecReachTest, TheEndOfTheCommandIsTheLossOfTheConnection) {
  const absl::StatusOr<Connection> connection = ConnectBy("exec \"$@\"");
  ASSERT_TRUE(connection.ok()) << connection.status();
  ASSERT_EQ(connection->facts.size(), 1u);
  EXPECT_EQ(connection->facts[0].name, "clientPid");
  int pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(connection->facts[0].value, &pid));
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  EXPECT_EQ(KindOf(connection->owner->WhyEnded()), v1::FAILURE_DROPPED);
}

}  // namespace
}  // namespace iris
