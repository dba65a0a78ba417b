#include "coordinator/reach/ssh/ssh_environment.h"

#include <string>

#include "absl/types/optional.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Environment& Everything() {
  static const auto& env =
      *new Environment{{"AWS_PROFILE", "work"},     {"PWD", "/here"},
                       {"TERM", "xterm"},           {"LC_TIME", "C"},
                       {"SSH_AUTH_SOCK", "/agent"}, {"XDG_STATE_HOME", "/state"},
                       {"ITERM_SESSION_ID", "7"}};
  return env;
}

std::string Counts(absl::optional<absl::string_view> printed) {
  return EnvironmentThatCounts(printed, Everything());
}

TEST(SshEnvironmentTest, OfAPlainHostOnlyTheAgentCounts) {
  EXPECT_EQ(Counts("user me\nhostname gpu1\nproxycommand none\n"),
            std::string("SSH_AUTH_SOCK=/agent\0", 21));
}

TEST(SshEnvironmentTest, WhatTheConfigurationNamesCounts) {
  EXPECT_THAT(Counts("identityfile ${XDG_STATE_HOME}/key\n"), HasSubstr("XDG_STATE_HOME=/state"));
  EXPECT_THAT(Counts("identityagent $AWS_PROFILE\n"), HasSubstr("AWS_PROFILE=work"));
  EXPECT_THAT(Counts("identityfile ${PWD}/key\n"), HasSubstr("PWD=/here")) << "whatever it is";
  EXPECT_THAT(Counts("identityfile $ ${ ${}\n"), Not(HasSubstr("PWD")));
}

TEST(SshEnvironmentTest, WhatIsSentCounts) {
  EXPECT_THAT(Counts("sendenv LC_*\nsendenv AWS_PROFIL?\n"), HasSubstr("LC_TIME=C"));
  EXPECT_THAT(Counts("sendenv AWS_PROFIL?\n"), HasSubstr("AWS_PROFILE=work"));
  EXPECT_THAT(Counts("sendenv AWS_?\n"), Not(HasSubstr("AWS_PROFILE")));
  EXPECT_THAT(Counts("sendenv *\n"), HasSubstr("TERM=xterm"));
}

TEST(SshEnvironmentTest, WhatTheLoaderAndTheLibrariesLookAtCounts) {
  for (const char* name :
       {"LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES", "RESOLV_HOST_CONF", "RESOLV_MULTI",
        "LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT", "LD_ORIGIN_PATH", "GLIBC_TUNABLES",
        "GCONV_PATH", "NIS_PATH", "OPENSSL_CONF", "SYSTEMD_NSS_RESOLVE_ZONE", "GSS_USE_PROXY"}) {
    const Environment env = {{name, "/x"}};
    EXPECT_EQ(EnvironmentThatCounts("hostname gpu1\n", env),
              std::string(name) + std::string("=/x\0", 4));
  }
  EXPECT_EQ(EnvironmentThatCounts("hostname gpu1\n", {{"TZ", "UTC"}, {"LDFLAGS", "-s"}}), "");
}

TEST(SshEnvironmentTest, WhereALibraryIsLoadedEverythingCountsButTheTerminal) {
  for (const char* name : {"LD_PRELOAD", "LD_AUDIT"}) {
    Environment env = Everything();
    env[name] = "/lib/proxychains.so";
    const std::string counts = EnvironmentThatCounts("hostname gpu1\n", env);
    EXPECT_THAT(counts, HasSubstr("AWS_PROFILE=work"));
    EXPECT_THAT(counts, Not(HasSubstr("PWD=")));
    env[name] = "";
    EXPECT_THAT(EnvironmentThatCounts("hostname gpu1\n", env), Not(HasSubstr("AWS_PROFILE")));
  }
}

TEST(SshEnvironmentTest, OfAJumpHostTheShellThatRunsItsSshCounts) {
  for (const char* name : {"SHELL", "BASH_ENV", "ENV", "ZDOTDIR", "BASH_FUNC_ssh%%"}) {
    const Environment env = {{name, "/x"}};
    EXPECT_THAT(EnvironmentThatCounts("proxyjump bastion\n", env), HasSubstr(name));
    EXPECT_EQ(EnvironmentThatCounts("proxyjump none\n", env), "");
    EXPECT_EQ(EnvironmentThatCounts("hostname gpu1\n", env), "");
  }
}

TEST(SshEnvironmentTest, ForAProgramOnTheWayEverythingCountsButTheTerminal) {
  for (const absl::optional<absl::string_view> printed :
       {absl::optional<absl::string_view>("user me\nproxycommand aws ssm start-session\n"),
        absl::optional<absl::string_view>("knownhostscommand /bin/keys\n"),
        absl::optional<absl::string_view>()}) {
    const std::string counts = Counts(printed);
    EXPECT_THAT(counts, HasSubstr("AWS_PROFILE=work"));
    EXPECT_THAT(counts, HasSubstr("XDG_STATE_HOME=/state"));
    for (const char* of_terminal : {"PWD=", "TERM=", "ITERM_SESSION_ID="}) {
      EXPECT_THAT(counts, Not(HasSubstr(of_terminal)));
    }
  }
}

}  // namespace
}  // namespace iris
