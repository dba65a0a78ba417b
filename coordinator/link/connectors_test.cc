#include "coordinator/link/connectors.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/config/config.h"
#include "coordinator/link/connection_pace.h"
#include "coordinator/link/connector.h"
#include "coordinator/link/fresh_answer.h"
#include "coordinator/link/login_bar.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "coordinator/reach/ssh/resolve_target.h"
#include "coordinator/reach/ssh/ssh_connect.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ResolvedTarget Target(const std::string& key) {
  ResolvedTarget resolved;
  resolved.target.remote = RemoteCommand{.text = "/nonexistent/ssh gpu",
                                         .program = "/nonexistent/ssh",
                                         .options = {},
                                         .destination = "gpu"};
  resolved.key = key;
  resolved.name = "me@gpu:22";
  return resolved;
}

// Over an ssh that is not there: what gets as far as that fails otherwise than what is barred.
class SshConnectorTest : public ::testing::Test {
 protected:
  SshConnectorTest() { Make(Target("key")); }
  void Make(const ResolvedTarget& resolved) {
    answer_->Note(resolved);
    connector_ = MakeSshConnector(
        *bundle_, resolved,
        {.runtime_dir = [] { return std::string("/tmp"); },
         .lent_env = [this] { return lent_; },
         .resolve = [this](const SshTarget& target,
                           const std::atomic<bool>*) -> absl::StatusOr<ResolvedTarget> {
           ResolvedTarget resolved = Target(meaning_);
           resolved.target = target;
           return resolved;
         },
         .on_moved = [this] { ++moves_; },
         .answer = answer_,
         .bar = bar_,
         .pace = pace_});
  }
  absl::Status Connect() {
    const std::atomic<bool> cancelled = false;
    return connector_->Connect([](const ConnectProgress&) {}, cancelled).status();
  }
  void RefuseALogin() {
    bar_->Note(MakeFailure(v1::FAILURE_AUTH, "gpu: Permission denied (publickey)"));
  }

  const ScratchDir scratch_;
  std::unique_ptr<AgentBundle> bundle_ = AgentBundle::Find({});
  const std::shared_ptr<FreshAnswer> answer_ = std::make_shared<FreshAnswer>();
  const std::shared_ptr<LoginBar> bar_ = std::make_shared<LoginBar>();
  absl::Duration now_;
  const std::shared_ptr<ConnectionPace> pace_ =
      std::make_shared<ConnectionPace>([this] { return now_; });
  std::string meaning_ = "key";
  Environment lent_;
  int moves_ = 0;
  std::unique_ptr<Connector> connector_;
};

TEST_F(SshConnectorTest, SoonAfterARefusedLoginThatIsTheAnswer) {
  RefuseALogin();
  for (int i = 0; i < 3; ++i) {
    const absl::Status barred = Connect();
    EXPECT_EQ(KindOf(barred), v1::FAILURE_AUTH) << barred;
    EXPECT_THAT(std::string(barred.message()), HasSubstr("at the earliest"));
  }
  EXPECT_EQ(moves_, 0);
}

TEST_F(SshConnectorTest, AnotherMeaningOfTheTargetIsNoticedAllTheSame) {
  RefuseALogin();
  EXPECT_EQ(KindOf(Connect()), v1::FAILURE_AUTH);
  meaning_ = "another";
  EXPECT_EQ(KindOf(Connect()), v1::FAILURE_CANCELLED);
  EXPECT_EQ(moves_, 1);
}

TEST_F(SshConnectorTest, WhatWasSaidJustNowIsNotAskedOnceMore) {
  RefuseALogin();
  EXPECT_EQ(KindOf(Connect()), v1::FAILURE_AUTH);
  meaning_ = "another";
  answer_->Note(Target("key"));
  EXPECT_EQ(KindOf(Connect()), v1::FAILURE_AUTH);
  EXPECT_EQ(moves_, 0);
  EXPECT_EQ(KindOf(Connect()), v1::FAILURE_CANCELLED);
}

TEST_F(SshConnectorTest, SshRunsWithWhatWasLentLast) {
  const std::string program = scratch_.File("like-ssh"), keys = scratch_.File("keys");
  std::ofstream(program) << "#!/bin/sh\necho \"$SSH_AUTH_SOCK\" >>" << keys << "\nexit 255\n";
  chmod(program.c_str(), 0700);
  ResolvedTarget resolved = Target("key");
  resolved.target.remote.program = program;
  resolved.target.lent_env = {{"SSH_AUTH_SOCK", "/of-who-asked-first"}};
  // A program that could be put there: without any, ssh is not run.
  ASSERT_EQ(symlink("/proc/self/exe", scratch_.File("iris-agent").c_str()), 0);
  bundle_ = AgentBundle::Find({scratch_.path()});
  Make(resolved);
  EXPECT_FALSE(Connect().ok());
  lent_ = {{"SSH_AUTH_SOCK", "/of-who-asked-last"}};
  EXPECT_FALSE(Connect().ok());
  std::ifstream lines(keys);
  std::vector<std::string> seen;
  for (std::string line; std::getline(lines, line);) seen.push_back(line);
  ASSERT_GE(seen.size(), 2u);
  EXPECT_EQ(seen.front(), "/of-who-asked-first");
  EXPECT_EQ(seen.back(), "/of-who-asked-last");
}

TEST_F(SshConnectorTest, ItWaitsForItsTurnAndCanBeGivenUp) {
  while (pace_->Take() < absl::Minutes(2)) continue;
  const std::atomic<bool> cancelled = true;
  std::vector<std::string> told;
  const absl::Status status =
      connector_
          ->Connect([&](const ConnectProgress& progress) { told.push_back(progress.text); },
                    cancelled)
          .status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_CANCELLED) << status;
  EXPECT_THAT(told, ElementsAre(HasSubstr("behind other hosts")));
}

TEST_F(SshConnectorTest, WhatIsBarredTakesNoTurn) {
  RefuseALogin();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(KindOf(Connect()), v1::FAILURE_AUTH);
  EXPECT_EQ(pace_->Take(), absl::ZeroDuration());
}

TEST_F(SshConnectorTest, WhatFailsBeforeSshRunsIsNoLogin) {
  EXPECT_FALSE(Connect().ok());
  EXPECT_TRUE(bar_->open());
}

}  // namespace
}  // namespace iris
