#include "coordinator/bootstrap/ssh_failure.h"

#include <string>

#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Failure WhenConnecting(const std::string& err, absl::optional<int> code = 255,
                       const std::string& noise = "") {
  return ToProto(ClassifySshEnd({.stage = SshEnd::Stage::kConnecting,
                                 .exit_code = code,
                                 .stderr_text = err,
                                 .noise = noise}));
}

Failure WhenUp(const std::string& err, absl::optional<int> code = 255) {
  return ToProto(ClassifySshEnd(
      {.stage = SshEnd::Stage::kUp, .exit_code = code, .stderr_text = err, .noise = ""}));
}

Failure WhenStarting(const std::string& err, absl::optional<int> code) {
  return ToProto(ClassifySshEnd(
      {.stage = SshEnd::Stage::kBootstrap, .exit_code = code, .stderr_text = err, .noise = ""}));
}

struct Case {
  const char* err;
  FailureKind kind;
  const char* fix_says;
};

class SshWords : public testing::TestWithParam<Case> {};

TEST_P(SshWords, NameTheKindTheLineAndTheFix) {
  const Failure failure = WhenConnecting(GetParam().err);

  EXPECT_EQ(failure.kind(), GetParam().kind) << failure.detail();
  EXPECT_THAT(failure.detail().empty() ? "" : failure.fix(), HasSubstr(GetParam().fix_says));
  EXPECT_THAT(failure.detail(), Not(HasSubstr("\r")));
}

// As OpenSSH 9.2 prints them.
INSTANTIATE_TEST_SUITE_P(
    Measured, SshWords,
    testing::Values(
        Case{"ssh: connect to host h port 22: Connection refused\r\n", v1::FAILURE_UNREACHABLE,
             "remoteOptions.port"},
        Case{"ssh: connect to host h port 22: Connection timed out\r\n", v1::FAILURE_UNREACHABLE,
             "VPN"},
        Case{"ssh: connect to host h port 22: No route to host\r\n", v1::FAILURE_UNREACHABLE,
             "network"},
        Case{"ssh: Could not resolve hostname nope: Name or service not known\r\n",
             v1::FAILURE_UNREACHABLE, "spelling"},
        Case{"kex_exchange_identification: Connection closed by remote host\r\n"
             "Connection closed by 10.0.0.1 port 22\r\n",
             v1::FAILURE_UNREACHABLE, "overloaded"},
        Case{"Connection timed out during banner exchange\r\n", v1::FAILURE_UNREACHABLE, ""},
        Case{"me@h: Permission denied (publickey).\r\n", v1::FAILURE_AUTH, "ssh-add"},
        Case{"@ WARNING: UNPROTECTED PRIVATE KEY FILE! @\r\nPermissions 0644 for 'k' are too "
             "open.\r\n"
             "Load key \"k\": bad permissions\r\nme@h: Permission denied (publickey).\r\n",
             v1::FAILURE_AUTH, "chmod 600"},
        Case{"Received disconnect from h port 22:2: Too many authentication failures\r\n",
             v1::FAILURE_AUTH, "IdentitiesOnly"},
        Case{"Host key verification failed.\r\n", v1::FAILURE_HOST_KEY, "ssh-keyscan"},
        Case{"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"
             "Host key verification failed.\r\n",
             v1::FAILURE_HOST_KEY, "attack"},
        Case{"Unable to negotiate with h port 22: no matching host key type found. Their offer: "
             "ssh-dss\r\n",
             v1::FAILURE_BAD_REQUEST, "algorithms"},
        Case{"command-line: line 0: Bad configuration option: nope\r\n", v1::FAILURE_BAD_REQUEST,
             "~/.ssh/config"},
        Case{"channel 0: open failed: connect failed: Connection refused\r\nstdio forwarding "
             "failed\r\nConnection closed by UNKNOWN port 65535\r\n",
             v1::FAILURE_UNREACHABLE, "remoteOptions.port"},
        Case{"me@bastion: Permission denied (publickey).\r\nConnection closed by UNKNOWN port "
             "65535\r\n",
             v1::FAILURE_AUTH, "ssh-add"}));

TEST(SshFailureTest, AnAccountWithoutAShellSaysSoOnStdout) {
  const Failure failure = WhenConnecting("", 1, "This account is currently not available.\n");

  EXPECT_EQ(failure.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(failure.detail(), HasSubstr("This account is currently not available."));
  EXPECT_EQ(WhenConnecting("", 1, "This service allows sftp connections only.\n").kind(),
            v1::FAILURE_AUTH);
}

TEST(SshFailureTest, AShellThatNeverRanOurCommandIsNoLostConnection) {
  const Failure failure = WhenConnecting("bash: line 1: exec: restricted\n", 1);

  EXPECT_EQ(failure.kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(failure.detail(), HasSubstr("exec: restricted"));
  EXPECT_EQ(WhenConnecting("", 0).kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
}

TEST(SshFailureTest, SilenceIsTriedAgain) {
  EXPECT_EQ(WhenConnecting("").kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(WhenConnecting("", absl::nullopt).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(WhenUp("").kind(), v1::FAILURE_DROPPED);
  EXPECT_EQ(WhenUp("", 0).kind(), v1::FAILURE_DROPPED);
}

TEST(SshFailureTest, WhatSomebodyKilledIsTriedAgain) {
  EXPECT_EQ(WhenConnecting("", 128 + 9).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(WhenConnecting("Killed\n", 128 + 15).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(WhenStarting("", 128 + 9).kind(), v1::FAILURE_UNREACHABLE);
}

TEST(SshFailureTest, AnEstablishedLinkIsDroppedAndNotUnreachable) {
  const Failure failure = WhenUp("Timeout, server h not responding.\r\n");

  EXPECT_EQ(failure.kind(), v1::FAILURE_DROPPED);
  EXPECT_THAT(failure.detail(), HasSubstr("Timeout, server h not responding."));
  EXPECT_EQ(WhenUp("Connection to h closed by remote host.\r\n").kind(), v1::FAILURE_DROPPED);
  EXPECT_EQ(WhenUp("client_loop: send disconnect: Broken pipe\r\n").kind(), v1::FAILURE_DROPPED);
}

TEST(SshFailureTest, TheBridgesOwnFailureKeepsItsKindAndFix) {
  const Failure failure = WhenStarting(
      "a note from .bashrc\niris-agent: storage: /run/x is open to others\nfix: chmod 700 it\n", 1);

  EXPECT_EQ(failure.kind(), v1::FAILURE_STORAGE);
  EXPECT_EQ(failure.detail(), "/run/x is open to others");
  EXPECT_EQ(failure.fix(), "chmod 700 it");
}

TEST(SshFailureTest, AnAgentThatCannotRunIsToldFromOneThatFailed) {
  EXPECT_EQ(WhenStarting("sh: 1: exec: Exec format error\n", 126).kind(),
            v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_EQ(WhenStarting("", 139).kind(), v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_EQ(WhenStarting("", 255).kind(), v1::FAILURE_NOT_EXECUTABLE) << "killed by a signal";
  EXPECT_EQ(WhenStarting("", absl::nullopt).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(WhenStarting("oops\n", 1).kind(), v1::FAILURE_INTERNAL);
  EXPECT_EQ(WhenStarting("client_loop: send disconnect: Broken pipe\r\n", 255).kind(),
            v1::FAILURE_UNREACHABLE);
}

TEST(SshFailureTest, AHostCannotWriteToTheTerminal) {
  const Failure failure = WhenConnecting("\x1b]0;owned\x07 Connection refused\r\n");

  EXPECT_THAT(failure.detail(), HasSubstr("]0;owned Connection refused"));
  EXPECT_THAT(failure.detail(), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace iris
