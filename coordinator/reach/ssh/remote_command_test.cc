#include "coordinator/reach/ssh/remote_command.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/reach/ssh/ssh_options.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string>& Allowed() {
  static const auto& allowed = *new std::vector<std::string>{"myssh", "/opt/bin/ssh"};
  return allowed;
}

ParsedRemote Parsed(absl::string_view text) {
  const auto parsed = ParseRemoteCommand(text, Allowed(), "/home/me");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.value_or(ParsedRemote());
}

RemoteCommand Command(absl::string_view text) { return Parsed(text).command; }

std::vector<std::string> Settings(absl::string_view text) {
  std::vector<std::string> settings;
  for (const SshSetting& setting : Parsed(text).settings) {
    settings.push_back(absl::StrCat(setting.keyword, "=", setting.value));
  }
  return settings;
}

// Detail and fix, which every refusal has.
std::string RefusalOf(absl::string_view text) {
  const absl::Status status = ParseRemoteCommand(text, Allowed(), "/home/me").status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_BAD_REQUEST) << text;
  EXPECT_NE(ToProto(status).fix(), "") << text;
  return absl::StrCat(std::string(status.message()), " / ", ToProto(status).fix());
}

TEST(RemoteCommandTest, ProgramOptionsAndDestinationAreTakenApart) {
  const RemoteCommand command = Command("ssh -J bastion -o Compression=yes -A4 me@gpu1");
  EXPECT_EQ(command.program, "ssh");
  EXPECT_THAT(command.options, ElementsAre("-J", "bastion", "-o", "Compression=yes", "-A4"));
  EXPECT_EQ(command.destination, "me@gpu1");
  EXPECT_EQ(command.text, "ssh -J bastion -o Compression=yes -A4 me@gpu1");
}

TEST(RemoteCommandTest, ValuesMayFollowTheirLetterAndClusters) {
  EXPECT_THAT(Command("ssh -p22 -vvp 22 h").options, ElementsAre("-p22", "-vvp", "22"));
  // The value swallows the rest of the word: this t is no option.
  EXPECT_EQ(Command("ssh -lt h").destination, "h");
}

TEST(RemoteCommandTest, OptionsMayFollowTheDestinationAsWithSsh) {
  const RemoteCommand command = Command("ssh gpu1 -p 22 -T");
  EXPECT_EQ(command.destination, "gpu1");
  EXPECT_THAT(command.options, ElementsAre("-p", "22", "-T"));
  EXPECT_THAT(RefusalOf("ssh gpu1 -t"), HasSubstr("asks for a terminal"));
}

TEST(RemoteCommandTest, DashDashEndsTheOptions) {
  EXPECT_EQ(Command("ssh -4 -- gpu1").destination, "gpu1");
  EXPECT_THAT(Command("ssh -4 -- gpu1").options, ElementsAre("-4"));
  EXPECT_THAT(RefusalOf("ssh -- gpu1 -4"), HasSubstr("a command follows the host"));
  EXPECT_THAT(RefusalOf("ssh -- gpu1 --"), HasSubstr("a command follows the host"));
}

TEST(RemoteCommandTest, SettingsAreFoundHoweverTheyAreWritten) {
  EXPECT_THAT(Settings("ssh -p 1 -oport=2 -o 'PORT 3' -o 'Port = \"4\"' ssh://me@h:5"),
              ElementsAre("port=1", "port=2", "port=3", "port=4", "port=5"));
  EXPECT_THAT(Settings("ssh -i ~/k -o IdentityFile=b h"),
              ElementsAre("identityfile=/home/me/k", "identityfile=b"));
  EXPECT_THAT(Settings("ssh -4A -o ForwardAgent=no -a h"),
              ElementsAre("forwardagent=yes", "forwardagent=no", "forwardagent=no"));
  EXPECT_THAT(Settings("ssh ssh://me@h"), IsEmpty());
  EXPECT_THAT(Settings("ssh ssh://[::1]"), IsEmpty());
  EXPECT_THAT(Settings("ssh ssh://[::1]:7"), ElementsAre("port=7"));
}

TEST(RemoteCommandTest, AllowedProgramsAreMatchedLetterByLetter) {
  EXPECT_EQ(Command("myssh gpu1").program, "myssh");
  EXPECT_EQ(Command("/opt/bin/ssh gpu1").program, "/opt/bin/ssh");
  for (const char* text : {"/usr/bin/ssh h", "sshx h", "SSH h", "mysshx h", "opt/bin/ssh h",
                           "sh -c x", "'' h", "./ssh h"}) {
    EXPECT_THAT(RefusalOf(text), HasSubstr("is not allowed / Begin with ssh")) << text;
  }
}

TEST(RemoteCommandTest, WhereSshIsMissingBeforeAHostTheFixHasIt) {
  EXPECT_THAT(
      RefusalOf("ml@gpu1"),
      HasSubstr("\"ml@gpu1\" is where to go, and no program / Begin with ssh: ssh ml@gpu1."));
  EXPECT_THAT(RefusalOf("ml@gpu1 -p 22"), HasSubstr("Begin with ssh: ssh ml@gpu1 …."));
  EXPECT_THAT(RefusalOf("gpu1"), HasSubstr("is not allowed / Begin with ssh (ssh gpu1), or"));
  // Nothing that is refused is named as a fix.
  EXPECT_THAT(RefusalOf("rsh gpu1"), ::testing::Not(HasSubstr("docker")));
}

TEST(RemoteCommandTest, OtherKindsOfLinksAreNotBuiltYet) {
  for (const char* text : {"docker exec -i c", "podman exec -i c", "kubectl exec -i p --", "wsl",
                           "https://gpu.example.com:7443"}) {
    EXPECT_THAT(RefusalOf(text), HasSubstr("not built yet")) << text;
  }
}

TEST(RemoteCommandTest, EveryRefusedLetterIsRefusedAloneAndInACluster) {
  for (const SshLetter& option : SshLetters()) {
    if (option.why_refused.empty()) continue;
    const std::string letter(1, option.letter);
    for (const std::string& word : {absl::StrCat("-", letter), absl::StrCat("-4", letter)}) {
      EXPECT_THAT(RefusalOf(absl::StrCat("ssh ", word, " x h")),
                  HasSubstr(absl::StrCat("-", letter, ": ", std::string(option.why_refused))));
    }
  }
  EXPECT_THAT(RefusalOf("ssh -tt h"), HasSubstr("/ Remove -t from `remote`."));
}

TEST(RemoteCommandTest, WhatIrisCannotWorkWithIsOnTheListOfRefusedLetters) {
  for (const char letter : absl::string_view("DEfGLMNnOQqRSstVW")) {
    ASSERT_NE(FindSshLetter(letter), nullptr) << letter;
    EXPECT_NE(FindSshLetter(letter)->why_refused, "") << letter;
  }
}

TEST(RemoteCommandTest, RefusedKeywordsAreRefusedUnlessTheySayWhatIrisSays) {
  for (const SshKeyword& refused : RefusedSshKeywords()) {
    const std::string keyword(refused.keyword);
    EXPECT_THAT(RefusalOf(absl::StrCat("ssh -o ", keyword, "=force h")), HasSubstr(keyword));
    if (refused.harmless.empty()) continue;
    EXPECT_EQ(Command(absl::StrCat("ssh -o ", keyword, "=", std::string(refused.harmless), " h"))
                  .destination,
              "h");
  }
  EXPECT_THAT(RefusalOf("ssh -o requesttty=force h"), HasSubstr("asks for a terminal"));
  EXPECT_THAT(RefusalOf("ssh -o 'RemoteCommand top' h"), HasSubstr("RemoteCommand"));
}

TEST(RemoteCommandTest, ACommandAfterTheHostIsRefused) {
  EXPECT_THAT(RefusalOf("ssh gpu1 claude"), HasSubstr("a command follows the host"));
  EXPECT_THAT(RefusalOf("ssh gpu1 -p 22 claude"), HasSubstr("`path` and `claudePath`"));
}

TEST(RemoteCommandTest, AHostIsNeeded) {
  EXPECT_THAT(RefusalOf("ssh"), HasSubstr("names no host"));
  EXPECT_THAT(RefusalOf("ssh -p 22"), HasSubstr("names no host"));
  EXPECT_THAT(RefusalOf("  "), HasSubstr("is empty"));
}

TEST(RemoteCommandTest, AHostThatCouldBeReadAsSomethingElseIsRefused) {
  for (const char* text :
       {"ssh -- -oProxyCommand=x", "ssh -", "ssh ''", "ssh 'a b'", "ssh 'a;b'", "ssh 'a$(b)'",
        "ssh 'CORP\\h'", "ssh me@", "ssh 'me@-h'", "ssh 'a@b c'", "ssh ssh://a@b@h"}) {
    EXPECT_THAT(RefusalOf(text), HasSubstr("not a name or an address")) << text;
  }
}

TEST(RemoteCommandTest, UserNamesAreTakenAsSshTakesThem) {
  for (const char* name :
       {"CORP\\jdoe", "jdoe@corp.example", "jdoe+admin", "svc$", "a b", "é", "x%"}) {
    const std::string destination = absl::StrCat(name, "@gpu1");
    EXPECT_EQ(Command(absl::StrCat("ssh '", destination, "'")).destination, destination);
    EXPECT_EQ(Command(absl::StrCat("ssh -- '", destination, "'")).destination, destination);
  }
  EXPECT_EQ(Command("ssh CORP\\\\jdoe@gpu1").destination, "CORP\\jdoe@gpu1");
  EXPECT_EQ(Command("ssh \"CORP\\jdoe@gpu1\"").destination, "CORP\\jdoe@gpu1");
  EXPECT_THAT(Settings("ssh 'ssh://CORP\\j:d@gpu1:5'"), ElementsAre("port=5"));
  EXPECT_THAT(Settings("ssh 'ssh://j:7@gpu1'"), IsEmpty());
}

TEST(RemoteCommandTest, WhatSshTakesForNoUserNameIsRefused) {
  for (const char* text : {"ssh 'u`x`@h'", "ssh @h", "ssh 'a;b@h'", "ssh \"a'b@h\"", "ssh 'a -b@h'",
                           "ssh 'a\\@h'", "ssh ssh://-l@h"}) {
    EXPECT_THAT(RefusalOf(text), HasSubstr("no such user name")) << text;
  }
}

TEST(RemoteCommandTest, UnknownLettersAndMissingValuesAreRefused) {
  EXPECT_THAT(RefusalOf("ssh -Z h"), HasSubstr("no option -Z"));
  EXPECT_THAT(RefusalOf("ssh --verbose h"), HasSubstr("no option --"));
  EXPECT_THAT(RefusalOf("ssh h -p"), HasSubstr("-p needs a value"));
  EXPECT_THAT(RefusalOf("ssh -o Port h"), HasSubstr("KEYWORD=VALUE"));
}

}  // namespace
}  // namespace iris
