#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/reach/ssh/ssh_failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// What fails at a jump host, or behind it.
namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What ssh itself says then; `err` is what came from the way there.
Failure ThroughProxy(const std::string& err) {
  return ToProto(
      ClassifySshEnd({.stage = SshEnd::Stage::kConnecting,
                      .exit_code = 255,
                      .logged_in = false,
                      .log = "kex_exchange_identification: Connection closed by remote host\r\n"
                             "Connection closed by UNKNOWN port 65535\r\n",
                      .stderr_text = err,
                      .noise = ""}));
}

// What a jump host's ssh says, and what it means.
struct JumpCase {
  const char* err;
  FailureKind kind;
  const char* cause;
  const char* fix;
};

class JumpHost : public testing::TestWithParam<JumpCase> {};

TEST_P(JumpHost, IsNamedAsWhatFailedAndNotTheTarget) {
  const Failure failure = ThroughProxy(GetParam().err);
  EXPECT_EQ(failure.kind(), GetParam().kind);
  EXPECT_THAT(failure.detail(), testing::StartsWith(GetParam().cause));
  EXPECT_THAT(failure.fix(), HasSubstr(GetParam().fix));
  EXPECT_THAT(failure.fix(), Not(HasSubstr("(remoteOptions.port)"))) << "that is the target's";
}

INSTANTIATE_TEST_SUITE_P(
    Measured, JumpHost,
    testing::Values(
        JumpCase{"ssh: connect to host 127.0.0.1 port 25998: Connection refused\r\n",
                 v1::FAILURE_UNREACHABLE,
                 "nothing listens on that port of the jump host (ssh: connect to host 127.0.0.1 "
                 "port 25998: Connection refused)",
                 "-J in the team's `remote`"},
        JumpCase{"ssh: connect to host b port 22: No route to host\r\n", v1::FAILURE_UNREACHABLE,
                 "no way leads to the jump host", "-J in the team's `remote`"},
        JumpCase{"ssh: Could not resolve hostname b: Name or service not known\r\n",
                 v1::FAILURE_UNREACHABLE, "the jump host's name cannot be resolved",
                 "-J in the team's `remote`"},
        JumpCase{"me@b: Permission denied (publickey).\r\n", v1::FAILURE_AUTH,
                 "the jump host refused the login", "remoteOptions.identity does not count"},
        JumpCase{"No ED25519 host key is known for b and you have requested strict checking.\r\n"
                 "Host key verification failed.\r\n",
                 v1::FAILURE_HOST_KEY, "the jump host's key is not known here",
                 "strictHostKeyChecking does not count"},
        JumpCase{"Received disconnect from b port 22:2: Too many authentication failures\r\n",
                 v1::FAILURE_AUTH, "ssh offered more keys than the jump host looks at",
                 "IdentitiesOnly"},
        JumpCase{"ssh: connect to host a port 1: Connection refused\r\n"
                 "kex_exchange_identification: Connection closed by remote host\r\n"
                 "Connection closed by UNKNOWN port 65535\r\n",
                 v1::FAILURE_UNREACHABLE,
                 "nothing listens on that port of the jump host (ssh: "
                 "connect to host a",
                 "-J in the team's `remote`"}));

TEST(JumpHostTest, WhatAJumpHostCannotReachIsBehindIt) {
  for (const auto& [reason, cause, fix] :
       {std::tuple("connect failed: Connection refused", "nothing listens on that port there",
                   "remoteOptions.port"),
        std::tuple("connect failed: Name or service not known",
                   "the jump host cannot resolve the host's name", "looks it up"),
        std::tuple("connect failed: Temporary failure in name resolution",
                   "the jump host cannot resolve the host's name", "DNS"),
        std::tuple("connect failed: No route to host", "the jump host cannot reach the host",
                   "the jump host's network"),
        std::tuple("administratively prohibited: open failed",
                   "the jump host refuses to lead further", "AllowTcpForwarding")}) {
    const Failure failure = ThroughProxy(absl::StrCat("Welcome\nchannel 0: open failed: ", reason,
                                                      "\r\nstdio forwarding failed\r\n"));
    EXPECT_EQ(failure.kind(), v1::FAILURE_UNREACHABLE);
    EXPECT_THAT(failure.detail(), HasSubstr(cause));
    EXPECT_THAT(failure.fix(), HasSubstr(fix));
  }
}

}  // namespace
}  // namespace iris
