#include "coordinator/reach/ssh/ssh_command.h"

#include <stdlib.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

SshTarget Target() {
  SshTarget target;
  target.remote.program = "ssh";
  target.remote.options = {"-J", "bastion", "-p", "2222"};
  target.remote.destination = "ml@gpu1";
  return target;
}

size_t IndexOf(const std::vector<std::string>& argv, const std::string& word) {
  return std::find(argv.begin(), argv.end(), word) - argv.begin();
}

TEST(SshCommandTest, OursComeFirstThenTheUsersThenTheHost) {
  const std::vector<std::string> argv = ConnectArgv(Target(), "/run/c", "/run/l", "exec sh", true);

  EXPECT_EQ(argv.front(), "ssh");
  EXPECT_LT(IndexOf(argv, "BatchMode=yes"), IndexOf(argv, "-J"));
  const std::vector<std::string> end(argv.end() - 7, argv.end());
  EXPECT_THAT(end, ElementsAre("-J", "bastion", "-p", "2222", "--", "ml@gpu1", "exec sh"));
  for (const char* needed :
       {"-T", "-E", "/run/l", "RequestTTY=no", "RemoteCommand=none", "LogLevel=VERBOSE",
        "ControlMaster=yes", "ControlPath=/run/c", "ControlPersist=no", "StreamLocalBindUnlink=yes",
        "StdinNull=no", "ForkAfterAuthentication=no", "PermitLocalCommand=no", "EscapeChar=none",
        "ForwardX11=no", "ClearAllForwardings=yes", "ServerAliveInterval=30",
        "ServerAliveCountMax=3"}) {
    EXPECT_THAT(argv, Contains(needed));
  }
}

TEST(SshCommandTest, AnOldSshIsNotGivenOptionsThatItWouldRefuse) {
  const std::vector<std::string> argv = ConnectArgv(Target(), "/run/c", "/run/l", "x", false);

  EXPECT_THAT(argv, Not(Contains("StdinNull=no")));
  EXPECT_THAT(argv, Not(Contains("ForkAfterAuthentication=no")));
  EXPECT_THAT(argv, Not(Contains("SessionType=default")));
}

TEST(SshCommandTest, TimesAreWholeSecondsRoundedUp) {
  SshTarget target = Target();
  target.options.connect_timeout = absl::Milliseconds(2500);
  target.options.server_alive_interval = absl::Seconds(7);

  const std::vector<std::string> argv = ConnectArgv(target, "/run/c", "/run/l", "x", true);
  EXPECT_THAT(argv, Contains("ConnectTimeout=3"));
  EXPECT_THAT(argv, Contains("ServerAliveInterval=7"));
  target.options.connect_timeout = absl::Milliseconds(1);
  EXPECT_THAT(ConnectArgv(target, "/run/c", "/run/l", "x", true), Contains("ConnectTimeout=1"));
}

TEST(SshCommandTest, ALaxHostKeyCheckStillRefusesAChangedKey) {
  SshTarget target = Target();
  EXPECT_THAT(ConnectArgv(target, "c", "l", "x", true),
              Not(Contains(testing::StartsWith("StrictHostKeyChecking"))));
  target.options.strict_host_key_checking = false;
  EXPECT_THAT(ConnectArgv(target, "c", "l", "x", true),
              Contains("StrictHostKeyChecking=accept-new"));
  target.options.strict_host_key_checking = true;
  EXPECT_THAT(ConnectArgv(target, "c", "l", "x", true), Contains("StrictHostKeyChecking=yes"));
}

TEST(SshCommandTest, KeysAreLentWhereTheConfigurationSaysSo) {
  SshTarget target = Target();
  EXPECT_THAT(ConnectArgv(target, "c", "l", "x", true),
              Not(Contains(testing::StartsWith("ForwardAgent"))));
  target.options.forward_agent = true;
  EXPECT_THAT(ConnectArgv(target, "c", "l", "x", true), Contains("ForwardAgent=yes"));
  EXPECT_THAT(ResolveArgv(target), Contains("ForwardAgent=yes"));
  target.options.forward_agent = false;
  EXPECT_THAT(ConnectArgv(target, "c", "l", "x", true), Contains("ForwardAgent=no"));
}

TEST(SshCommandTest, PathsAreNotExpandedBySsh) {
  SshTarget target = Target();
  target.options.identity = "/keys/50% off";
  const std::vector<std::string> argv = ConnectArgv(target, "/run/a%h", "/run/l", "x", true);

  EXPECT_THAT(argv, Contains("/keys/50%% off"));
  EXPECT_THAT(argv, Contains("ControlPath=/run/a%%h"));
}

TEST(SshCommandTest, TheForwardIsAskedForWithoutTheUsersConfiguration) {
  EXPECT_THAT(ForwardArgv(Target(), "/run/c", "/run/f", "/run/user/1/iris/agent.sock"),
              ElementsAre("ssh", "-F", "/dev/null", "-S", "/run/c", "-O", "forward", "-L",
                          "/run/f:/run/user/1/iris/agent.sock", "--", "ml@gpu1"));
}

TEST(SshCommandTest, ResolvingAsksAboutTheSameTarget) {
  SshTarget target = Target();
  target.options.port = 22;
  target.options.identity = "/k";

  EXPECT_THAT(ResolveArgv(target),
              ElementsAre("ssh", "-G", "-o", "RemoteCommand=none", "-o", "Port=22", "-i", "/k",
                          "-J", "bastion", "-p", "2222", "--", "ml@gpu1", "true"));
}

TEST(SshCommandTest, WhatIsLentReplacesOurOwn) {
  ASSERT_EQ(setenv("SSH_AUTH_SOCK", "/ours", 1), 0);
  ASSERT_EQ(setenv("IRIS_SECRET", "s", 1), 0);
  SshTarget target = Target();
  EXPECT_THAT(SshEnv(target), Contains("SSH_AUTH_SOCK=/ours"));

  target.lent_env = {{"SSH_AUTH_SOCK", "/lent"}};
  EXPECT_THAT(SshEnv(target), Contains("SSH_AUTH_SOCK=/lent"));
  EXPECT_THAT(SshEnv(target), Not(Contains("SSH_AUTH_SOCK=/ours")));
  EXPECT_THAT(SshEnv(target), Not(Contains("IRIS_SECRET=s")));
}

TEST(SshCommandTest, TheAskersEnvironmentIsAllThatSshGets) {
  ASSERT_EQ(setenv("SSH_AUTH_SOCK", "/ours", 1), 0);
  ASSERT_EQ(setenv("PATH", "/usr/bin:/bin", 1), 0);
  SshTarget target = Target();
  target.lent_env = {{"AWS_PROFILE", "work"}, {"HOME", "/home/ann"}};
  EXPECT_THAT(SshEnv(target), Contains("AWS_PROFILE=work"));
  EXPECT_THAT(SshEnv(target), Contains("HOME=/home/ann"));
  EXPECT_THAT(SshEnv(target), Contains("PATH=/usr/bin:/bin")) << "the asker has none";
  EXPECT_THAT(SshEnv(target), Not(Contains("SSH_AUTH_SOCK=/ours"))) << "the asker has no agent";
}

TEST(SshCommandTest, TheValuesOfALetterAreFoundHoweverTheyAreWritten) {
  const std::vector<std::string> options = {"-i", "a", "-vi", "b", "-Cic", "-p", "-i", "-o", "X=y"};
  EXPECT_THAT(ValuesOf(options, 'i'), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ValuesOf(options, 'p'), ElementsAre("-i"));
  EXPECT_THAT(ValuesOf(options, 'F'), ElementsAre());
}

}  // namespace
}  // namespace iris
