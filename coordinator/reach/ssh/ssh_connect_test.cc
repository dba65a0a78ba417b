#include "coordinator/reach/ssh/ssh_connect.h"

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/testing/private_mounts.h"
#include "coordinator/reach/ssh/testing/ssh_connect_fixture.h"
#include "coordinator/reach/ssh/testing/ssh_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// ssh, sshd and a login shell as they are, with a stand-in for the agent: what works.
namespace iris {
namespace {

using ::testing::HasSubstr;

const bool kPrivate = (EnterPrivateMounts(), true);

namespace fs = std::filesystem;

std::string Contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_F(SshConnectTest, AColdHostGetsTheAgentAndAWarmOneIsReachedByOneSession) {
  const SshHost host;
  {
    const absl::StatusOr<Connection> cold = Connect(host.Target());
    ASSERT_TRUE(cold.ok()) << cold.status();
    EXPECT_TRUE(HasUploaded());
    EXPECT_EQ(cold->mode, LinkMode::kForward) << cold->mode_reason;
    EXPECT_EQ(cold->hello.data_dir(), host.home() + "/.local/share/iris");
    EXPECT_EQ(Echo(*cold, "hello"), "hello");
    using Stage = ConnectProgress::Stage;
    EXPECT_THAT(stages_,
                testing::ElementsAre(Stage::kConnecting, Stage::kUploading, Stage::kStarting));
  }
  const int logins = host.LogCount("Accepted publickey");
  const int sessions = host.LogCount("Starting session");

  const absl::StatusOr<Connection> warm = Connect(host.Target());
  ASSERT_TRUE(warm.ok()) << warm.status();
  EXPECT_FALSE(HasUploaded());
  EXPECT_EQ(warm->mode, LinkMode::kForward) << warm->mode_reason;
  EXPECT_EQ(Echo(*warm, "again"), "again");
  EXPECT_EQ(host.LogCount("Accepted publickey") - logins, 1);
  EXPECT_EQ(host.LogCount("Starting session") - sessions, 1);
}

TEST_F(SshConnectTest, WhatTheHostSaysOfItselfIsFitToBeShown) {
  const SshHost host;
  const absl::StatusOr<Connection> connection = Connect(host.Target());

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->hello.build(), "fake[31m") << "without the escape character";
}

TEST_F(SshConnectTest, StartupFilesMayPrintSleepAndReadALine) {
  const SshHost host;
  std::ofstream(host.home() + "/.bashrc")
      << "echo 'Welcome to gpu1!'; printf 'no newline'\nsleep 3\nread line\necho \"$line\" noise\n"
         "echo problems >&2\n";
  link_mode_ = SshOptions::LinkMode::kStdio;

  const absl::StatusOr<Connection> cold = Connect(host.Target());
  ASSERT_TRUE(cold.ok()) << cold.status();
  EXPECT_EQ(Echo(*cold, "hello"), "hello");
  const absl::StatusOr<Connection> warm = Connect(host.Target());
  ASSERT_TRUE(warm.ok()) << warm.status();
  EXPECT_FALSE(HasUploaded());
  EXPECT_EQ(Echo(*warm, "hello"), "hello");
}

TEST_F(SshConnectTest, AStartupFileThatRunsAnotherShellIsRemarkedOnWithWhatToWrite) {
  const SshHost host;
  std::ofstream(host.home() + "/.bashrc") << "sh\n";  // Without `exec`.
  const absl::StatusOr<Connection> connection = Connect(host.Target());
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_THAT(connection->remark, HasSubstr("start another shell"));
  EXPECT_THAT(connection->remark, HasSubstr("without `exec`"));
}

TEST_F(SshConnectTest, AConfigurationMadeForPeopleDoesNotGetInTheWay) {
  const SshHost host;
  const std::string forwarded = host.ClientFile("forwarded");
  std::ofstream(host.ClientFile("ssh_config"))
      << "RequestTTY force\nRemoteCommand echo no\nLogLevel QUIET\nControlMaster auto\n"
         "ControlPath "
      << host.ClientFile("mine")
      << "\nControlPersist 60\nStdinNull yes\n"
         "ForkAfterAuthentication yes\nSessionType none\nPermitLocalCommand yes\n"
         "LocalCommand echo local\nLocalForward "
      << forwarded
      << " localhost:1\n"
         "EscapeChar ~\nForwardX11 yes\nIgnoreUnknown UseKeychain\nUseKeychain yes\n";

  const absl::StatusOr<Connection> connection = Connect(host.Target());
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->mode, LinkMode::kForward) << connection->mode_reason;
  EXPECT_EQ(Echo(*connection, "a\n~.b"), "a\n~.b");
  EXPECT_FALSE(fs::exists(host.ClientFile("mine")));
  EXPECT_FALSE(fs::exists(forwarded)) << "a forward of theirs was opened by our connection";
}

TEST_F(SshConnectTest, ForwardingThatTheHostForbidsFallsBackToStdioAndSaysWhy) {
  const SshHost host({"AllowStreamLocalForwarding no"});
  const absl::StatusOr<Connection> connection = Connect(host.Target());

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->mode, LinkMode::kStdio);
  EXPECT_THAT(connection->mode_reason, HasSubstr("open failed: connect failed"));
  EXPECT_EQ(Echo(*connection, "hello"), "hello");
}

TEST_F(SshConnectTest, StdioCanBeAskedFor) {
  const SshHost host;
  link_mode_ = SshOptions::LinkMode::kStdio;
  const absl::StatusOr<Connection> connection = Connect(host.Target());

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->mode, LinkMode::kStdio);
  EXPECT_EQ(connection->mode_reason, "remoteOptions.linkMode is stdio");
  EXPECT_EQ(Echo(*connection, "hello"), "hello");
}

TEST_F(SshConnectTest, AForwardThatIsAskedForAndRefusedIsAFailure) {
  const SshHost host({"AllowStreamLocalForwarding no"});
  link_mode_ = SshOptions::LinkMode::kForward;
  const Failure failure = FailureOf(host.Target());
  EXPECT_EQ(failure.kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(failure.detail(), HasSubstr("remoteOptions.linkMode is forward, and the host"));
  EXPECT_THAT(failure.fix(), HasSubstr("AllowStreamLocalForwarding"));
}

TEST_F(SshConnectTest, AnAgentDirMovesEverything) {
  const SshHost host;
  SshTarget target = host.Target();
  target.options.agent_dir = "~/scratch/my iris";
  const absl::StatusOr<Connection> connection = Connect(target);

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->hello.data_dir(), host.home() + "/scratch/my iris");
  EXPECT_FALSE(fs::exists(host.home() + "/.local"));
}

// What may stand under the name of an agent in its place.
struct Damage {
  const char* name;
  std::string (*of)(std::string whole);
  absl::Duration connect_timeout = absl::Minutes(1);
};

// A program of the right size: only its digest tells.
std::string Padded(std::string program, size_t size) {
  program.resize(size, '\n');
  return program;
}

class DamagedAgent : public SshConnectTest, public testing::WithParamInterface<Damage> {};

TEST_P(DamagedAgent, IsFoundOutAndReplaced) {
  const SshHost host;
  ASSERT_TRUE(Connect(host.Target()).ok());
  const std::string agent =
      absl::StrCat(host.home(), "/.local/share/iris/bin/iris-agent-", Build().sha256);
  const std::string whole = Contents(agent);
  fs::remove(agent);  // A bridge that is just leaving may still run it.
  std::ofstream(agent) << GetParam().of(whole);
  fs::permissions(agent, fs::perms::owner_all);
  SshTarget target = host.Target();
  target.options.connect_timeout = GetParam().connect_timeout;

  const absl::StatusOr<Connection> connection = Connect(target);
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_TRUE(HasUploaded());
  EXPECT_EQ(Echo(*connection, "hello"), "hello");
  EXPECT_TRUE(Contents(agent) == whole);
}

INSTANTIATE_TEST_SUITE_P(
    Every, DamagedAgent,
    testing::Values(
        Damage{"Cut", [](std::string whole) { return whole.substr(0, 4096); }},
        Damage{"Empty", [](std::string) { return std::string(); }},
        Damage{"Zeroes", [](std::string whole) { return std::string(whole.size(), '\0'); }},
        Damage{"FlippedByte",
               [](std::string whole) {
                 whole[0x19] ^= 0x7F;  // Of the address that it begins at.
                 return whole;
               }},
        Damage{"EndsWell",
               [](std::string whole) { return Padded("#!/bin/sh\nexit 0\n", whole.size()); }},
        Damage{"SaysNothing",
               [](std::string whole) {
                 return Padded("#!/bin/sh\nexec cat >/dev/null\n", whole.size());
               },
               absl::Seconds(15)},
        Damage{"TalksNonsense",
               [](std::string whole) {
                 return Padded("#!/bin/sh\necho Segmentation fault\nexec cat\n", whole.size());
               }}),
    [](const testing::TestParamInfo<Damage>& info) { return info.param.name; });

TEST_F(SshConnectTest, AConnectionThatTheHostEndsIsDropped) {
  SshHost host;
  const absl::StatusOr<Connection> connection = Connect(host.Target());
  ASSERT_TRUE(connection.ok()) << connection.status();
  host.EndSessions();

  EXPECT_TRUE(Ends(*connection));
  const absl::Status why = connection->owner->WhyEnded();
  EXPECT_EQ(KindOf(why), v1::FAILURE_DROPPED);
  EXPECT_THAT(std::string(why.message()),
              testing::AnyOf(HasSubstr("closed by remote host"), HasSubstr("Broken pipe")));
}

TEST_F(SshConnectTest, AnSshThatIsKilledIsDroppedToo) {
  const SshHost host;
  const absl::StatusOr<Connection> connection = Connect(host.Target());
  ASSERT_TRUE(connection.ok()) << connection.status();
  ASSERT_EQ(kill(SshOf(*connection), SIGKILL), 0);

  EXPECT_TRUE(Ends(*connection));
  EXPECT_EQ(KindOf(connection->owner->WhyEnded()), v1::FAILURE_DROPPED);
}

TEST_F(SshConnectTest, AnAgentThatIsKilledEndsTheWire) {
  const SshHost host;
  for (const auto mode : {SshOptions::LinkMode::kForward, SshOptions::LinkMode::kStdio}) {
    link_mode_ = mode;
    const absl::StatusOr<Connection> connection = Connect(host.Target());
    ASSERT_TRUE(connection.ok()) << connection.status();
    ASSERT_EQ(kill(static_cast<pid_t>(connection->hello.pid()), SIGKILL), 0);

    EXPECT_TRUE(Ends(*connection));
    EXPECT_EQ(KindOf(connection->owner->WhyEnded()), v1::FAILURE_DROPPED);
  }
}

TEST_F(SshConnectTest, AJumpHostIsPassedThrough) {
  const SshHost host;
  SshTarget target = host.Target();
  std::ofstream(host.ClientFile("ssh_config"))
      << "Host *\nUserKnownHostsFile " << host.ClientFile("known_hosts") << "\nIdentityFile "
      << host.ClientFile("key") << "\nIdentityAgent none\n";
  target.remote.options.insert(target.remote.options.end(),
                               {"-J", absl::StrCat("root@localhost:", host.port())});
  const absl::StatusOr<Connection> connection = Connect(target);
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(Echo(*connection, "hello"), "hello");

  const RefusingPort refusing;
  target.remote.options.back() = absl::StrCat("root@localhost:", refusing.number());
  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_UNREACHABLE);
}

}  // namespace
}  // namespace iris
