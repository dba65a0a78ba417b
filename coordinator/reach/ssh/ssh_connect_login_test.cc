#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/testing/private_mounts.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/reach/ssh/ssh_connect.h"
#include "coordinator/reach/ssh/testing/ssh_connect_fixture.h"
#include "coordinator/reach/ssh/testing/ssh_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// ssh and sshd as they are: what a host says before the login, and how long it may take over that.
namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const bool kPrivate = (EnterPrivateMounts(), true);

// sshd's configuration: it takes whatever key is shown, but only after so long.
std::vector<std::string> Waits(int seconds) {
  return {
      "AuthorizedKeysFile none", "AuthorizedKeysCommandUser root",
      absl::StrCat("AuthorizedKeysCommand /usr/bin/dash -c \"sleep ", seconds, "; echo %t %k\"")};
}

std::vector<std::string> WithBanner(const ScratchDir& scratch, std::vector<std::string> config) {
  config.push_back("Banner " + scratch.File("banner"));
  return config;
}

// As hosts do that want a page to be visited: the words, and then nothing.
std::vector<std::string> SaysAndWaits(const ScratchDir& scratch, int seconds) {
  std::ofstream(scratch.File("banner")) << "To authenticate, visit:\n\thttps://login/a/1\x1b[2J\n";
  return WithBanner(scratch, Waits(seconds));
}

TEST_F(SshConnectTest, WhatAHostSaysBeforeTheLoginIsToldWhileItWaits) {
  const ScratchDir scratch;
  const SshHost host(SaysAndWaits(scratch, 2));  // Twice: for the question, and for the login.
  std::string told;
  on_progress_ = [&](const ConnectProgress& progress) {
    const bool says = absl::StrContains(progress.text, "the host says: ");
    EXPECT_EQ(progress.host_asks, says) << progress.text;
    if (says) told = progress.text;
  };
  SshTarget target = host.Target();
  target.options.connect_timeout = absl::Seconds(3);  // Less than that.

  const absl::StatusOr<Connection> connection = Connect(target);
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_THAT(told, HasSubstr("the host says: To authenticate, visit: https://login/a/1"));
  EXPECT_THAT(told, Not(HasSubstr("\x1b")));
  EXPECT_EQ(host.LogCount("Connection from "), 1);
}

TEST_F(SshConnectTest, AHostThatKeepsALoginWaitingIsQuoted) {
  const ScratchDir scratch;
  const SshHost host(SaysAndWaits(scratch, 1000));
  login_patience_ = absl::Seconds(4);
  SshTarget target = host.Target();
  target.options.connect_timeout = absl::Seconds(2);
  const Failure failure = FailureOf(target);

  EXPECT_EQ(failure.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(failure.detail(),
              HasSubstr("within 4s; the host says: To authenticate, visit: https://login/a/1"));
}

TEST_F(SshConnectTest, AHostThatOnlyGreetsAndWhoseLoginStallsIsUnreachable) {
  const ScratchDir scratch;
  constexpr char kGreeting[] = "Authorised use only.\n";
  std::ofstream(scratch.File("banner")) << kGreeting;
  {
    const SshHost host({"Banner " + scratch.File("banner")});
    ASSERT_TRUE(Connect(host.Target()).ok());
  }
  const SshHost stalls(WithBanner(scratch, Waits(1000)));
  SshTarget target = stalls.Target();
  target.options.connect_timeout = absl::Seconds(2);
  const absl::Time start = absl::Now();
  const Failure failure = FailureOf(target);
  EXPECT_EQ(failure.kind(), v1::FAILURE_UNREACHABLE) << "so it is tried again";
  EXPECT_THAT(failure.detail(), HasSubstr("did not accept the login"));
  EXPECT_LT(absl::Now() - start, login_patience_ / 2);

  std::ofstream(scratch.File("banner")) << kGreeting << "To authenticate, visit: https://login/a\n";
  login_patience_ = absl::Seconds(4);
  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_AUTH) << "this is more than a greeting";
}

TEST_F(SshConnectTest, WordsThatALoginHadToWaitForAreNoGreeting) {
  const ScratchDir scratch;
  {
    const SshHost host(SaysAndWaits(scratch, 3));
    ASSERT_TRUE(Connect(host.Target()).ok());
  }
  const SshHost stalls(SaysAndWaits(scratch, 1000));
  login_patience_ = absl::Seconds(4);
  SshTarget target = stalls.Target();
  target.options.connect_timeout = absl::Seconds(2);
  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_AUTH);
}

TEST_F(SshConnectTest, ALoginThatIsGrantedLateLeavesOurCommandItsWholeTime) {
  // Twice: for the question, and for the login. Nothing is said meanwhile.
  const SshHost host(Waits(1));
  std::ofstream(host.home() + "/.bashrc") << "sleep 5\n";
  SshTarget target = host.Target();
  target.options.connect_timeout = absl::Seconds(6);  // Less than both, more than each.
  const absl::StatusOr<Connection> connection = Connect(target);
  EXPECT_TRUE(connection.ok()) << connection.status();
}

TEST_F(SshConnectTest, AfterALateLoginAShellThatHangsHasNoMoreThanItsTime) {
  const ScratchDir scratch;
  const SshHost host(SaysAndWaits(scratch, 2));
  std::ofstream(host.home() + "/.bashrc") << "sleep 1000\n";
  SshTarget target = host.Target();
  target.options.connect_timeout = absl::Seconds(3);
  const absl::Time start = absl::Now();
  EXPECT_EQ(FailureOf(target).kind(), v1::FAILURE_TIMEOUT);
  EXPECT_LT(absl::Now() - start, login_patience_ / 2);
}

}  // namespace
}  // namespace iris
