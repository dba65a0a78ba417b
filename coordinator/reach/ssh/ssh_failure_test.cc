#include "coordinator/reach/ssh/ssh_failure.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Stage = SshEnd::Stage;

constexpr char kLoggedIn[] = "Authenticated to h ([10.0.0.1]:22) using \"publickey\".\r\n";
constexpr char kThroughProxy[] =
    "kex_exchange_identification: Connection closed by remote host\r\n"
    "Connection closed by UNKNOWN port 65535\r\n";

// `log` is ssh's own, `err` everybody else's.
Failure Classify(Stage stage, absl::optional<int> code, const std::string& log,
                 const std::string& err, const std::string& noise = "") {
  return ToProto(ClassifySshEnd({.stage = stage,
                                 .exit_code = code,
                                 .logged_in = absl::StartsWith(log, kLoggedInLine),
                                 .log = log,
                                 .stderr_text = err,
                                 .noise = noise}));
}

Failure BeforeLogin(const std::string& log, const std::string& err = "",
                    absl::optional<int> code = 255) {
  return Classify(Stage::kConnecting, code, log, err);
}

Failure AfterLogin(const std::string& err, absl::optional<int> code, const std::string& noise = "",
                   const std::string& log = "") {
  return Classify(Stage::kConnecting, code, kLoggedIn + log, err, noise);
}

Failure WhenUp(const std::string& log, absl::optional<int> code = 255,
               const std::string& err = "") {
  return Classify(Stage::kUp, code, kLoggedIn + log, err);
}

Failure WhenStarting(const std::string& err, absl::optional<int> code,
                     const std::string& log = "") {
  return Classify(Stage::kBootstrap, code, kLoggedIn + log, err);
}

struct Case {
  const char* log;
  FailureKind kind;
  const char* fix_says;
  const char* err = "";
};

class SshWords : public testing::TestWithParam<Case> {};

TEST_P(SshWords, NameTheKindTheLineAndTheFix) {
  const Failure failure = BeforeLogin(GetParam().log, GetParam().err);

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
        Case{"", v1::FAILURE_BAD_REQUEST, "in the team's `remote`",
             "command-line: line 0: Bad configuration option: nope\r\n"},
        Case{"Can't open user config file /c: No such file or directory\r\n",
             v1::FAILURE_BAD_REQUEST, "Correct -F"},
        Case{"/c line 2: no argument after keyword \"port\"\r\n"
             "/c: terminating, 1 bad configuration options\r\n",
             v1::FAILURE_BAD_REQUEST, "the file that ssh names"},
        Case{"/c line 2: unsupported option \"maybe\".\r\n"
             "/c: terminating, 1 bad configuration options\r\n",
             v1::FAILURE_BAD_REQUEST, "the file that ssh names"},
        Case{"/c line 1: invalid quotes\r\n/c: terminating, 1 bad configuration options\r\n",
             v1::FAILURE_BAD_REQUEST, "the file that ssh names"},
        Case{"/c line 3: new words for it\r\n"
             "/c: terminating, 1 bad configuration options\r\n",
             v1::FAILURE_BAD_REQUEST, "the file that ssh names"},
        Case{"/c line 53: Unsupported option \"gssapiauthentication\"\r\n"
             "ssh: connect to host h port 22: Connection refused\r\n",
             v1::FAILURE_UNREACHABLE, "remoteOptions.port"},
        Case{"", v1::FAILURE_BAD_REQUEST, "Correct the port", "Bad port '99999'\n"},
        Case{"/c: line 1: Bad configuration option: nope\r\n"
             "/c: terminating, 1 bad configuration options\r\n",
             v1::FAILURE_BAD_REQUEST, "~/.ssh/config"},
        Case{kThroughProxy, v1::FAILURE_UNREACHABLE, "remoteOptions.port",
             "Welcome\nchannel 0: open failed: connect failed: Connection refused\r\n"
             "stdio forwarding failed\r\n"},
        Case{kThroughProxy, v1::FAILURE_AUTH, "ssh-add",
             "Welcome\nme@bastion: Permission denied (publickey).\r\n"},
        Case{kThroughProxy, v1::FAILURE_AUTH, "ssh-add",
             "me@a: Permission denied (publickey).\r\n"
             "kex_exchange_identification: Connection closed by remote host\r\n"
             "Connection closed by UNKNOWN port 65535\r\n"},
        Case{kThroughProxy, v1::FAILURE_HOST_KEY, "attack",
             "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"
             "Host key verification failed.\r\n"},
        Case{kThroughProxy, v1::FAILURE_UNREACHABLE, "ProxyCommand", "nc: cannot connect\n"},
        Case{kThroughProxy, v1::FAILURE_UNREACHABLE, "overloaded"}));

// Words of every row, as ssh writes them and as others do.
std::vector<std::string> WordsOfEveryRow() {
  std::vector<std::string> all;
  for (const char* text :
       {"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
        "@       WARNING: REVOKED HOST KEY DETECTED!               @ REVOKED HOST KEY",
        "Host key verification failed.",
        "No ED25519 host key is known for h and you have",
        "@ WARNING: UNPROTECTED PRIVATE KEY FILE! @",
        "Load key \"k\": bad permissions",
        "Received disconnect from h port 22:2: Too many authentication failures",
        "WARNING: Your password has expired.",
        "You are required to change your password",
        "This account is currently not available.",
        "This service allows sftp connections only.",
        "Your account has expired; please contact your system administrator.",
        "Unprivileged users are not permitted to log in yet.",
        "git@github.com: Permission denied (publickey).",
        "Permission denied, please try again.",
        "Unable to negotiate with h port 22: no matching cipher found.",
        "command-line: line 0: Bad configuration option: nope",
        "Bad owner or permissions on /home/me/.ssh/config",
        "Can't open user config file /c: No such file or directory",
        "/c line 1: keyword port extra arguments at end of line",
        "/c line 2: no argument after keyword \"port\"",
        "/c line 2: unsupported option \"maybe\".",
        "/c line 1: invalid quotes",
        "/c: terminating, 1 bad configuration options",
        "Bad port '99999'",
        "unknown option -- x",
        "hostname contains invalid characters",
        "Bad stdio forwarding specification 'x'",
        "ssh: Could not resolve hostname nope: Name or service not known",
        "ssh: connect to host h port 22: Connection refused",
        "ssh: connect to host h port 22: Connection timed out",
        "ssh: connect to host h port 22: No route to host",
        "ssh: connect to host h port 22: Network is unreachable",
        "kex_exchange_identification: Connection closed by remote host",
        "iris-agent: auth: come back later",
        "iris-agent: host_key: come back later"}) {
    all.push_back(std::string(text) + "\n");
    all.push_back(std::string(text) + "\r\n");
  }
  return all;
}

class AnybodysWords : public testing::TestWithParam<std::string> {};

TEST_P(AnybodysWords, OfAHostThatHasLetUsInDecideNothing) {
  const std::string& words = GetParam();
  for (const absl::optional<int> code :
       {absl::optional<int>(255), absl::optional<int>(128 + 9), absl::optional<int>(128 + 15),
        absl::optional<int>(0), absl::optional<int>()}) {
    EXPECT_EQ(WhenUp("", code, words).kind(), v1::FAILURE_DROPPED);
  }
  EXPECT_EQ(WhenUp("Timeout, server h not responding.\r\n", 255, words).kind(),
            v1::FAILURE_DROPPED);
  for (const int code : {255, 128 + 9, 128 + 15}) {
    EXPECT_EQ(AfterLogin(words, code).kind(), v1::FAILURE_UNREACHABLE) << code;
    EXPECT_EQ(AfterLogin("", code, words).kind(), v1::FAILURE_UNREACHABLE) << code;
    EXPECT_EQ(WhenStarting(words, code).kind(), v1::FAILURE_UNREACHABLE) << code;
  }
  EXPECT_EQ(WhenStarting(words, 1).kind(), v1::FAILURE_INTERNAL);
}

TEST_P(AnybodysWords, OfABannerDecideNothing) {
  const std::string& words = GetParam();
  EXPECT_EQ(BeforeLogin("Connection closed by 10.0.0.1 port 22\r\n", words).kind(),
            v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(BeforeLogin("", words, 128 + 9).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(BeforeLogin("me@h: Permission denied (publickey).\r\n", words).kind(),
            v1::FAILURE_AUTH);
}

TEST_P(AnybodysWords, OfAJumpHostDecideNothing) {
  const std::string& words = GetParam();
  // Its banner, then its ssh says what failed.
  EXPECT_EQ(BeforeLogin(kThroughProxy, words + "channel 0: open failed: connect failed: x\r\n"
                                               "stdio forwarding failed\r\n")
                .kind(),
            v1::FAILURE_UNREACHABLE);
  // Its banner, and then nothing any more.
  EXPECT_EQ(BeforeLogin("Connection timed out during banner exchange\r\n"
                        "Connection to UNKNOWN port 65535 timed out\r\n",
                        words)
                .kind(),
            v1::FAILURE_UNREACHABLE);
  const Failure refused =
      BeforeLogin(kThroughProxy, words + "me@bastion: Permission denied (publickey).\r\n");
  EXPECT_EQ(refused.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(refused.detail(), HasSubstr("me@bastion: "));
  EXPECT_THAT(refused.fix(), HasSubstr("ssh-add"));
  // What a ProxyCommand says.
  EXPECT_EQ(BeforeLogin(kThroughProxy, words + "nc: cannot connect\n").kind(),
            v1::FAILURE_UNREACHABLE);
  // The target had answered: the jump host had let us in.
  EXPECT_EQ(BeforeLogin("Connection closed by UNKNOWN port 65535\r\n", words).kind(),
            v1::FAILURE_UNREACHABLE);
}

TEST_P(AnybodysWords, ThatSshRepeatsDecideNothing) {
  const std::string words = GetParam().substr(0, GetParam().find_first_of("\r\n"));
  if (words.find("Too many authentication") != std::string::npos) return;  // It comes that way.
  for (const char* before : {"Received disconnect from 10.0.0.1 port 22:11: ", "debug1: Remote: ",
                             "channel 0: open failed: administratively prohibited: "}) {
    EXPECT_EQ(BeforeLogin(before + words + "\r\nDisconnected from 10.0.0.1 port 22\r\n").kind(),
              v1::FAILURE_UNREACHABLE)
        << before;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryRow, AnybodysWords, testing::ValuesIn(WordsOfEveryRow()));

TEST(SshFailureTest, AnAccountWithoutAShellSaysSoInPlaceOfOurCommand) {
  const Failure failure = AfterLogin("", 1, "This account is currently not available.\n");

  EXPECT_EQ(failure.kind(), v1::FAILURE_AUTH);
  EXPECT_THAT(failure.detail(), HasSubstr("This account is currently not available."));
  EXPECT_EQ(AfterLogin("", 1, "This service allows sftp connections only.\n").kind(),
            v1::FAILURE_AUTH);
  EXPECT_EQ(AfterLogin("WARNING: Your password has expired.\n"
                       "Password change required but no TTY available.\n",
                       1)
                .kind(),
            v1::FAILURE_AUTH);
}

TEST(SshFailureTest, WhatAHostThatRefusesTheLoginSaysIsShown) {
  const Failure failure = BeforeLogin("Connection closed by 10.0.0.1 port 22\r\n",
                                      "System is booting up. Please wait.\n");

  EXPECT_EQ(failure.kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(failure.detail(), HasSubstr("System is booting up. Please wait."));
}

TEST(SshFailureTest, AShellThatNeverRanOurCommandIsNoLostConnection) {
  const Failure failure = AfterLogin("bash: line 1: exec: restricted\n", 1);

  EXPECT_EQ(failure.kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
  EXPECT_THAT(failure.detail(), HasSubstr("exec: restricted"));
  EXPECT_EQ(AfterLogin("", 0).kind(), v1::FAILURE_NO_AGENT_POSSIBLE);
}

TEST(SshFailureTest, SilenceIsTriedAgain) {
  EXPECT_EQ(BeforeLogin("").kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(BeforeLogin("", "", absl::nullopt).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(AfterLogin("", 255).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_THAT(AfterLogin("", 255).detail(), HasSubstr("the login worked"));
  EXPECT_THAT(AfterLogin("", 255).fix(), HasSubstr("echo ok"));
  EXPECT_EQ(WhenUp("").kind(), v1::FAILURE_DROPPED);
  EXPECT_EQ(WhenUp("", 0).kind(), v1::FAILURE_DROPPED);
}

TEST(SshFailureTest, WhatSomebodyKilledIsTriedAgain) {
  EXPECT_EQ(AfterLogin("", 128 + 9).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(AfterLogin("Killed\n", 128 + 15).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(WhenStarting("", 128 + 9).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(WhenStarting("", 255).kind(), v1::FAILURE_UNREACHABLE)
      << "so ssh returns of a bridge that a signal ended";
}

TEST(SshFailureTest, AnEstablishedLinkIsDroppedAndNotUnreachable) {
  const Failure failure = WhenUp("Timeout, server h not responding.\r\n");

  EXPECT_EQ(failure.kind(), v1::FAILURE_DROPPED);
  EXPECT_THAT(failure.detail(), HasSubstr("Timeout, server h not responding."));
  EXPECT_EQ(WhenUp("client_loop: send disconnect: Broken pipe\r\n").kind(), v1::FAILURE_DROPPED);
  EXPECT_THAT(WhenUp("", 255, "Connection to h closed by remote host.\r\n").detail(),
              HasSubstr("the host closed the connection"));
}

TEST(SshFailureTest, AForwardThatFailedIsNotWhyTheLinkEnded) {
  const Failure failure = WhenUp("channel 2: open failed: connect failed: Connection refused\r\n");

  EXPECT_THAT(failure.detail(), Not(HasSubstr("nothing listens")));
}

TEST(SshFailureTest, TheBridgesOwnFailureKeepsItsKind) {
  const Failure failure = WhenStarting(
      "no_space: a note from .bashrc\niris-agent: storage: /run/x is open to others\n", 1);

  EXPECT_EQ(failure.kind(), v1::FAILURE_STORAGE);
  EXPECT_EQ(failure.detail(), "the host says: /run/x is open to others");
}

TEST(SshFailureTest, OfABridgeCountsWhatAHostMaySay) {
  const Failure failure = WhenStarting("iris-agent: no_space: buy a disk\xff\n", 1);

  EXPECT_EQ(failure.kind(), v1::FAILURE_INTERNAL) << "that is found out here";
  EXPECT_EQ(failure.detail(), "the host says: buy a disk?");
}

TEST(SshFailureTest, ALoginThatWasLoggedLongAgoCounts) {
  const SshEnd end = {.stage = Stage::kConnecting,
                      .exit_code = 1,
                      .logged_in = true,
                      .log = "debug1: the end of a long log\r\n",
                      .stderr_text = "",
                      .noise = ""};
  EXPECT_EQ(KindOf(ClassifySshEnd(end)), v1::FAILURE_NO_AGENT_POSSIBLE);
}

TEST(SshFailureTest, ANoteOfAStartupFileIsNotTheBridges) {
  EXPECT_EQ(WhenStarting("storage: the disk is nearly full\n", 126).kind(),
            v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_EQ(WhenStarting("iris-agent: storage: x\nsh: 1: exec: Exec format error\n", 126).kind(),
            v1::FAILURE_NOT_EXECUTABLE);
}

TEST(SshFailureTest, AnAgentThatCannotRunIsToldFromOneThatFailed) {
  EXPECT_EQ(WhenStarting("sh: 1: exec: Exec format error\n", 126).kind(),
            v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_EQ(WhenStarting("", 139).kind(), v1::FAILURE_NOT_EXECUTABLE);
  EXPECT_EQ(WhenStarting("", absl::nullopt).kind(), v1::FAILURE_UNREACHABLE);
  EXPECT_EQ(WhenStarting("oops\n", 1).kind(), v1::FAILURE_INTERNAL);
  EXPECT_EQ(WhenStarting("", 255, "client_loop: send disconnect: Broken pipe\r\n").kind(),
            v1::FAILURE_UNREACHABLE);
}

TEST(SshFailureTest, AnAgentThatEndsWithoutAWordMayBeNone) {
  const auto said_nothing = [](absl::optional<int> code, const std::string& log,
                               const std::string& err) {
    return AgentSaidNothing({.stage = Stage::kBootstrap,
                             .exit_code = code,
                             .logged_in = true,
                             .log = kLoggedIn + log,
                             .stderr_text = err,
                             .noise = ""});
  };
  for (const int code : {0, 1, 126, 139, 255}) {
    EXPECT_TRUE(said_nothing(code, "", "a note from .bashrc\n")) << code;
  }
  EXPECT_FALSE(said_nothing(1, "", "iris-agent: storage: x\n"));
  EXPECT_FALSE(said_nothing(255, "client_loop: send disconnect: Broken pipe\r\n", ""));
  EXPECT_FALSE(said_nothing(255, "", "Connection to h closed by remote host.\r\n"));
}

TEST(SshFailureTest, AHostCannotWriteToTheTerminal) {
  const Failure failure = BeforeLogin("\x1b]0;owned\x07 Connection refused\r\n");

  EXPECT_THAT(failure.detail(), HasSubstr("]0;owned Connection refused"));
  EXPECT_THAT(failure.detail(), Not(HasSubstr("\x1b")));
}

TEST(SshFailureTest, AVariableThatIsNotSetIsNamedAndNotTriedAgain) {
  const Failure failure = BeforeLogin(
      "vdollar_percent_expand: env var ${XDG_STATE_HOME} has no value\r\n"
      "invalid environment variable expansion\r\n");
  EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(failure.detail(), HasSubstr("XDG_STATE_HOME"));
  EXPECT_EQ(BeforeLogin("invalid environment variable expansion\r\n").kind(),
            v1::FAILURE_BAD_REQUEST);
}

}  // namespace
}  // namespace iris
