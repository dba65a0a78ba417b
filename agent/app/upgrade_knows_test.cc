// What the next build of an agent knows of the one before it.
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/app/program_fixture.h"
#include "agent/app/upgrade_fixture.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/failure/failure.h"
#include "common/process/spawn.h"
#include "common/version/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;

// No file has it: it is in the memory of the one build and goes to the other's.
TEST_F(AgentUpgradeTest, TheEnvironmentOfTheNextClaudeGoesAlong) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  v1::OpenRequest request;
  request.set_session_id(session_id_);
  request.set_epoch(epoch_);
  request.mutable_spec()->set_cwd(Project());
  request.mutable_spec()->set_claude_path(StubClaude());
  request.mutable_spec()->set_team("gpu");
  for (const std::string& entry :
       {std::string("PATH=/usr/bin:/bin"), absl::StrCat("HOME=", Home()),
        std::string("ASAN_OPTIONS=detect_leaks=0"), std::string("GH_TOKEN=of-the-link")}) {
    request.mutable_spec()->mutable_environment()->add_entries(entry);
  }
  request.mutable_spec()->set_environment_id("of-the-link");
  v1::OpenResponse response;
  ASSERT_TRUE(stub_->Open(&*NewContext(), request, &response).ok());
  EXPECT_EQ(Ask("ENV GH_TOKEN"), "of-the-link");
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  EXPECT_EQ(List().sessions(0).child().environment_id(), "of-the-link");
  const std::string crash = Tell("CRASH 3");
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(crash));
  EXPECT_EQ(Ask("ENV GH_TOKEN"), "of-the-link");
  ExpectNothingStays();
}

// claude says that the limit is reached before the upgrade, and its bare result comes after it.
TEST_F(AgentUpgradeTest, WhatWasSaidOfTheAccountsLimitCountsAfterwards) {
  const std::string claude = scratch_.File("claude"), go = scratch_.File("go");
  std::ofstream(claude) << R"(#!/bin/sh
value() { v=${line#*\""$1"\":\"}; echo "${v%%\"*}"; }
read -r line
echo '{"type":"control_response","response":{"subtype":"success","request_id":"'$(value request_id)'"}}'
read -r line
echo '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795997982}}'
while [ ! -e )" << go << R"( ]; do sleep 0.05; done
echo '{"type":"result","subtype":"success","is_error":false,"user_message_uuids":["'$(value uuid)'"]}'
read -r end
)";
  chmod(claude.c_str(), 0700);
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open(/*idle_timeout_ms=*/0, claude);
  const std::string id = Tell("hello");
  ASSERT_NO_FATAL_FAILURE(ReadUntilOutput("rate_limit_event"));
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  std::ofstream(go) << "1";
  ASSERT_NO_FATAL_FAILURE(ReadUntilSettled(id));
  EXPECT_EQ(KindOf(OutcomeOf(id)), v1::FAILURE_RATE_LIMITED) << OutcomeOf(id).detail();
  EXPECT_EQ(OutcomeOf(id).rate_limit().resets_at_ms(), 1795997982000);
  ExpectNothingStays();
}

TEST_F(AgentUpgradeTest, TheNextBuildIsOfTheSameHostAndSaysSoInItsFolderAgain) {
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  const std::string id = bridge_->hello.host_id();
  ASSERT_TRUE(std::filesystem::remove(SessionsDir() + "/../identity"));
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  EXPECT_EQ(bridge_->hello.host_id(), id);
  KillAgent();
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  EXPECT_EQ(bridge_->hello.host_id(), id);
  ExpectNothingStays();
}

TEST_F(AgentUpgradeTest, WhereAChildWasStartedIsKnownAfterwardsToo) {
  namespace fs = std::filesystem;
  const std::string first = scratch_.File("release-41"), second = scratch_.File("release-42");
  fs::rename(Project(), first);
  fs::create_directory(second);
  fs::create_directory_symlink(first, Project());
  ASSERT_NO_FATAL_FAILURE(StartAgent());
  Open();
  EXPECT_EQ(Ask("PWD"), first);
  const pid_t claude = ClaudesPid();
  ASSERT_NO_FATAL_FAILURE(UpgradeTo(Program()));
  ExpectUpgraded();
  EXPECT_EQ(Ask("PWD"), first);
  EXPECT_EQ(ClaudesPid(), claude);
  fs::remove(Project());
  fs::create_directory_symlink(second, Project());
  EXPECT_EQ(Ask("PWD"), second);
  ExpectNothingStays();
}

}  // namespace
}  // namespace iris
