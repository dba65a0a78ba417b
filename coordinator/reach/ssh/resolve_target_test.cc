#include "coordinator/reach/ssh/resolve_target.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/environment/environment.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/reach/ssh/ssh_command.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ResolveTargetTest : public ::testing::Test {
 protected:
  // Of `ssh -F CONFIG OPTIONS… gpu`, where CONFIG says this.
  SshTarget Target(const std::string& lines, std::vector<std::string> options = {}) {
    SetConfig(lines);
    SshTarget target;
    target.remote.program = "ssh";
    target.remote.options = {"-F", config_};
    target.remote.options.insert(target.remote.options.end(), options.begin(), options.end());
    target.remote.destination = "gpu";
    return target;
  }
  void SetConfig(const std::string& lines) { std::ofstream(config_) << lines; }
  static std::string KeyOf(const SshTarget& target) {
    const absl::StatusOr<ResolvedSsh> resolved = ResolveTarget(target);
    EXPECT_TRUE(resolved.ok()) << resolved.status();
    return resolved.ok() ? resolved->key : absl::StrCat("none, at ", absl::GetCurrentTimeNanos());
  }
  static Failure FailureOf(const SshTarget& target) {
    return ToProto(ResolveTarget(target).status());
  }

  const ScratchDir scratch_;
  const std::string config_ = scratch_.File("config");
};

TEST_F(ResolveTargetTest, TheNameIsForPeople) {
  EXPECT_EQ(ResolveTarget(Target("Host gpu\nHostName 10.0.0.7\nUser ml\nPort 2222\n"))->name,
            "ml@10.0.0.7:2222");
  EXPECT_EQ(ResolveTarget(Target("Host gpu\nHostName ::1\nUser ml\n"))->name, "ml@[::1]:22");
}

TEST_F(ResolveTargetTest, TheSameIsTheSame) {
  const SshTarget target = Target("Host gpu\nHostName 10.0.0.7\nProxyJump bastion\n");
  EXPECT_EQ(KeyOf(target), KeyOf(target));
}

TEST_F(ResolveTargetTest, TwoAliasesDifferAlsoWhereSshPrintsTheSame) {
  SshTarget a =
      Target("Host gpu gpu2\nHostName 127.0.0.1\nHostKeyAlias %n\nProxyCommand nc %n 1\n");
  SshTarget b = a;
  b.remote.destination = "gpu2";
  EXPECT_NE(KeyOf(a), KeyOf(b));
}

// Each of them decides who is reached, who one is there, what is lent, or what is trusted.
TEST_F(ResolveTargetTest, WhatTheConfigurationSaysIsInTheKey) {
  const std::string plain = KeyOf(Target("Host gpu\nHostName 10.0.0.7\n"));
  std::set<std::string> keys = {plain};
  for (const char* line : {"HostName 10.0.0.8",
                           "User other",
                           "Port 23",
                           "ProxyJump bastion",
                           "ProxyCommand nc %h %p",
                           "HostKeyAlias x",
                           "IdentityFile /k",
                           "IdentitiesOnly yes",
                           "IdentityAgent none",
                           "CertificateFile /c",
                           "ForwardAgent yes",
                           "AddKeysToAgent yes",
                           "SetEnv A=b",
                           "SendEnv A",
                           "StrictHostKeyChecking no",
                           "UserKnownHostsFile /dev/null",
                           "GlobalKnownHostsFile /x",
                           "VerifyHostKeyDNS yes",
                           "CheckHostIP yes",
                           "NoHostAuthenticationForLocalhost yes",
                           "KnownHostsCommand /x",
                           "RevokedHostKeys /x",
                           "GSSAPIAuthentication yes",
                           "GSSAPIDelegateCredentials yes",
                           "BindAddress 127.0.0.2",
                           "BindInterface eth9",
                           "AddressFamily inet6",
                           "Ciphers aes256-ctr",
                           "HostKeyAlgorithms ssh-ed25519",
                           "PKCS11Provider /x",
                           "SecurityKeyProvider /x",
                           "HostbasedAuthentication yes",
                           "PubkeyAuthentication no",
                           "LocalCommand true",
                           "Compression yes",
                           "IPQoS cs1",
                           "TCPKeepAlive no"}) {
    EXPECT_TRUE(
        keys.insert(KeyOf(Target(absl::StrCat("Host gpu\n", line, "\nHostName 10.0.0.7\n"))))
            .second)
        << line;
  }
}

TEST_F(ResolveTargetTest, WhatIsWrittenIsInTheKey) {
  const std::string lines = "Host gpu\nForwardAgent no\n";
  std::set<std::string> keys = {KeyOf(Target(lines))};
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"-A"}, {"-o", "ForwardAgent=no"}, {"-K"}, {"-p", "22"}, {"-v"}}) {
    EXPECT_TRUE(keys.insert(KeyOf(Target(lines, options))).second) << options[0];
  }
  SshTarget target = Target(lines);
  target.options.agent_dir = "/scratch";
  EXPECT_TRUE(keys.insert(KeyOf(target)).second);
  target.options.link_mode = SshOptions::LinkMode::kStdio;
  EXPECT_TRUE(keys.insert(KeyOf(target)).second);
  target.options.identity = "/k";
  EXPECT_TRUE(keys.insert(KeyOf(target)).second);
  target.options.strict_host_key_checking = false;
  EXPECT_TRUE(keys.insert(KeyOf(target)).second);
}

TEST_F(ResolveTargetTest, WhatIsLentIsInTheKey) {
  SshTarget target = Target("Host gpu\n");
  std::set<std::string> keys = {KeyOf(target)};
  for (const char* name : {"SSH_AUTH_SOCK", "KRB5CCNAME", "DISPLAY"}) {
    target.lent_env = {{name, "/x"}};
    EXPECT_TRUE(keys.insert(KeyOf(target)).second) << name;
  }
}

TEST_F(ResolveTargetTest, OfTheEnvironmentOnlyWhatCountsIsInTheKey) {
  SshTarget target = Target("Host gpu\n");
  const auto key = [&target](Environment env) {
    target.lent_env = std::move(env);
    return KeyOf(target);
  };
  const Environment here = {{"AWS_PROFILE", "work"}, {"PWD", "/a"}, {"SHLVL", "1"}};
  const Environment there = {{"AWS_PROFILE", "work"}, {"PWD", "/b"}, {"SHLVL", "2"}};
  const Environment home = {{"AWS_PROFILE", "home"}, {"PWD", "/a"}, {"SHLVL", "1"}};
  EXPECT_EQ(key(here), key(there));
  EXPECT_EQ(key(here), key(home));

  SetConfig("Host gpu\nProxyCommand aws ssm start-session\n");
  EXPECT_EQ(key(here), key(there));
  EXPECT_NE(key(here), key(home));
  SetConfig("Host gpu\nProxyJump bastion\nHost bastion\nProxyCommand aws ssm start-session\n");
  EXPECT_NE(key(here), key(home)) << "of a jump host";
  SetConfig("Host gpu\nIdentityFile /keys/${AWS_PROFILE}\n");
  EXPECT_NE(key(here), key(home));
}

TEST_F(ResolveTargetTest, TheSshOfWhoeverAsksIsTheOneThatIsAsked) {
  SshTarget target = Target("Host gpu\nHostName 10.0.0.7\n");
  target.lent_env = {{"PATH", "/usr/bin:/bin"}};
  const std::string plain = KeyOf(target);
  const std::string dir = scratch_.File("bin");
  target.lent_env = {{"PATH", dir + ":/usr/bin:/bin"}};
  EXPECT_EQ(KeyOf(target), plain) << "the same ssh is found";

  std::filesystem::create_directory(dir);
  std::ofstream(dir + "/ssh") << "#!/bin/sh\nexec /usr/bin/ssh -o Port=2222 \"$@\"\n";
  std::filesystem::permissions(dir + "/ssh", std::filesystem::perms::owner_all);
  EXPECT_THAT(ResolveTarget(target)->name, HasSubstr(":2222"));
  std::ofstream(dir + "/ssh") << "#!/bin/sh\nexec /usr/bin/ssh \"$@\"\n";
  EXPECT_NE(KeyOf(target), plain) << "it says the same, and may do something else";
}

TEST_F(ResolveTargetTest, AVariableThatIsNotSetIsNamed) {
  SshTarget target = Target("Host gpu\nUserKnownHostsFile ${NOT_SET_HERE}/hosts\n");
  target.lent_env = {{"SOME", "thing"}};
  const Failure failure = FailureOf(target);
  EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(failure.detail(), HasSubstr("NOT_SET_HERE"));
  EXPECT_THAT(failure.fix(), HasSubstr("where you run `iris`"));
  target.lent_env["NOT_SET_HERE"] = "/x";
  EXPECT_NE(KeyOf(target), "");
}

TEST_F(ResolveTargetTest, AJumpHostThatLeadsElsewhereIsAnotherKey) {
  const SshTarget target = Target("Host gpu\nProxyJump bastion\nHost bastion\nHostName 10.0.0.1\n");
  const std::string before = KeyOf(target);
  SetConfig("Host gpu\nProxyJump bastion\nHost bastion\nHostName 10.0.0.2\n");
  EXPECT_NE(KeyOf(target), before);

  const std::string third = "Host gpu\nProxyJump b1\nHost b1\nProxyJump b2\nHost b2\nHostName ";
  SetConfig(third + "10.0.0.1\n");
  const std::string behind = KeyOf(target);
  SetConfig(third + "10.0.0.2\n");
  EXPECT_NE(KeyOf(target), behind);
}

TEST_F(ResolveTargetTest, AJumpHostIsAskedAboutAsTheUserThatSshUsesThere) {
  for (const std::string user : {"a+b", "jdoe@corp.example"}) {
    const std::string config =
        absl::StrCat("Host gpu\nProxyJump ", user, "@bastion\nMatch user ", user, "\nHostName ");
    const SshTarget target = Target(config + "10.0.0.1\n");
    const std::string before = KeyOf(target);
    SetConfig(config + "10.0.0.2\n");
    EXPECT_NE(KeyOf(target), before) << user;
  }
}

// ssh -v shows what ssh makes of each: "Executing proxy command".
TEST_F(ResolveTargetTest, AJumpHostIsTheOneThatSshMakesOfItsTokens) {
  struct Case {
    std::string jump, host;
  };
  for (const Case& one : {Case{"jump-%n", "jump-gpu"},
                          {"jump-%h", "jump-10.0.0.7"},
                          {"jump-%h-%p-%r:22", "jump-10.0.0.7-77-ml"},
                          {"%r@jump", "jump user ml"},
                          {"a%%b", "a%b"},
                          {"[fe80::1%%eth0]:22", "fe80::1%eth0"},
                          {"first-%n,second", "first-gpu"},
                          {"first,second-%n", "second-gpu"}}) {
    const std::string config =
        absl::StrCat("Host gpu\nHostName 10.0.0.7\nPort 77\nUser ml\nProxyJump ", one.jump,
                     "\nMatch originalhost ", one.host, "\nIdentityFile ");
    const SshTarget target = Target(config + "/k1\n");
    const std::string before = KeyOf(target);
    EXPECT_EQ(KeyOf(target), before) << one.jump << ": one connection serves";
    SetConfig(config + "/k2\n");
    EXPECT_NE(KeyOf(target), before) << one.jump;
  }
}

TEST_F(ResolveTargetTest, AJumpHostIsReachedThroughThoseBeforeItAndNotThroughItsOwn) {
  const SshTarget target = Target("Host gpu\nProxyJump a,b\nHost b\nProxyJump b\n");
  EXPECT_NE(KeyOf(target), "") << "ssh takes it, though `ssh b` is a loop";
  const std::string before = KeyOf(target);
  EXPECT_EQ(KeyOf(target), before);
  SetConfig("Host gpu\nProxyJump a,b\nHost b\nProxyJump b\nHost a\nPort 23\n");
  EXPECT_NE(KeyOf(target), before);
}

TEST_F(ResolveTargetTest, AJumpHostThatSshRefusesIsAFailureWithItsWords) {
  const SshTarget target = Target("Host gpu\nProxyJump bastion\nHost bastion\nProxyJump bastion\n");
  const Failure failure = FailureOf(target);
  EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(failure.detail(),
              AllOf(HasSubstr("gpu: jump host bastion: "), HasSubstr("jumphost loop via bastion")));
  // ssh runs that of a jump host with -W, for which this is no error.
  EXPECT_NE(KeyOf(Target("Host gpu\nProxyJump bastion\nHost *\nForkAfterAuthentication yes\n")),
            "");
}

TEST_F(ResolveTargetTest, AJumpHostThatNobodyKnowsIsSharedWithNobody) {
  for (const char* jump : {"jump-$SITE", "CORP\\jdoe@jump", "jump-%d", "50%@jump", "jump%",
                           "a-$SITE,jump", "`hostname`"}) {
    const SshTarget target = Target(absl::StrCat("Host gpu\nProxyJump ", jump, "\n"));
    EXPECT_NE(KeyOf(target), KeyOf(target)) << jump;
  }
}

TEST_F(ResolveTargetTest, JumpsThatGoRoundInACircleEnd) {
  EXPECT_NE(KeyOf(Target("Host gpu\nProxyJump a\nHost a\nProxyJump b\nHost b\nProxyJump a\n")), "");
}

TEST_F(ResolveTargetTest, MoreJumpHostsThanAreAskedAboutAreRefused) {
  const auto through = [](int count, const std::string& last) {
    std::string lines = "Host gpu\nProxyJump j1";
    for (int i = 2; i <= count; ++i) absl::StrAppend(&lines, ",j", i);
    return absl::StrCat(lines, "\nHost j1\nHostName ", last, "\n");
  };
  const std::string eight = KeyOf(Target(through(8, "10.0.0.1")));
  EXPECT_NE(KeyOf(Target(through(8, "10.0.0.2"))), eight);

  const Failure failure = FailureOf(Target(through(9, "10.0.0.1")));
  EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(failure.detail(), AllOf(HasSubstr("gpu: "), HasSubstr("more than 8 jump hosts")));
  // Those of jump hosts count too.
  const std::string behind = through(8, "10.0.0.1") + "ProxyJump k1,k2\n";
  EXPECT_EQ(FailureOf(Target(behind)).kind(), v1::FAILURE_BAD_REQUEST);
}

TEST_F(ResolveTargetTest, AnOldSshIsKnownByWhatItPrints) {
  EXPECT_TRUE(ResolveTarget(Target("Host gpu\n"))->session_options);
  SshTarget old = Target("");
  old.remote.program = scratch_.File("old_ssh");
  std::ofstream(old.remote.program) << "#!/bin/sh\nssh \"$@\" | grep -v sessiontype\n";
  std::filesystem::permissions(old.remote.program, std::filesystem::perms::owner_all);
  const absl::StatusOr<ResolvedSsh> resolved = ResolveTarget(old);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_FALSE(resolved->session_options);
}

TEST_F(ResolveTargetTest, WhatIrisSetsItselfIsNotInTheKey) {
  const std::string plain = KeyOf(Target("Host gpu\nHostName 10.0.0.7\n"));
  for (const char* line :
       {"BatchMode yes", "ClearAllForwardings yes", "ConnectTimeout 7", "ControlMaster auto",
        "ControlPath /x", "ControlPersist yes", "EscapeChar none", "ForkAfterAuthentication yes",
        "ForwardX11 yes", "LogLevel QUIET", "PermitLocalCommand yes", "RemoteCommand tmux",
        "RequestTTY force", "ServerAliveCountMax 9", "ServerAliveInterval 9", "SessionType none",
        "StdinNull yes", "StreamLocalBindUnlink yes"}) {
    EXPECT_TRUE(KeyOf(Target(absl::StrCat("Host gpu\nHostName 10.0.0.7\n", line, "\n"))) == plain)
        << line;
  }
}

// What the table leaves out and the command line did not set would be decided by whoever comes
// first.
TEST_F(ResolveTargetTest, NothingElseIsLeftOutThanIrisSetsItself) {
  std::set<std::string> set;
  const std::vector<std::string> argv = ConnectArgv(Target(""), "/c", "/l", "x", true);
  for (size_t i = 0; i + 1 < argv.size(); ++i) {
    if (argv[i] == "-o")
      set.insert(absl::AsciiStrToLower(argv[i + 1].substr(0, argv[i + 1].find('='))));
  }
  std::set<std::string> left_out;
  for (const LeftOutKeyword& keyword : LeftOutOfKey()) {
    left_out.insert(std::string(keyword.keyword));
    EXPECT_NE(keyword.why, "");
  }
  EXPECT_EQ(left_out, set);
}

TEST_F(ResolveTargetTest, WhatSshRefusesIsSaidWithItsWords) {
  const Failure failure = FailureOf(Target("", {"-o", "Nonsense=yes"}));
  EXPECT_EQ(failure.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(failure.detail(), AllOf(HasSubstr("gpu: "), HasSubstr("nonsense")));
}

TEST_F(ResolveTargetTest, AConfigurationThatSshCannotReadOrUseIsNamedWithItsLine) {
  const std::string missing = scratch_.File("missing");
  const Failure no_file = FailureOf(Target("", {"-F", missing}));
  EXPECT_EQ(no_file.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(no_file.detail(), HasSubstr("ssh cannot read the file of -F"));
  EXPECT_THAT(no_file.detail(), HasSubstr(missing + ": No such file or directory"));
  EXPECT_THAT(no_file.fix(), HasSubstr("Correct -F in the team's `remote`"));

  const Failure bad_line = FailureOf(Target("Host *\nPort abc\n"));
  EXPECT_EQ(bad_line.kind(), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(bad_line.detail(), HasSubstr("line 2: Bad port"));
  const Failure bad_option = FailureOf(Target("", {"-o", "Nonsense=yes"}));
  EXPECT_THAT(bad_option.fix(), HasSubstr("the option that ssh names in the team's `remote`"));
}

TEST_F(ResolveTargetTest, AProgramThatDoesNotKnowTheQuestionIsTakenByItsWords) {
  SshTarget target = Target("");
  target.remote.program = "/bin/false";
  const absl::StatusOr<ResolvedSsh> resolved = ResolveTarget(target);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->name, "gpu");
  target.remote.destination = "other";
  EXPECT_NE(KeyOf(target), resolved->key);
}

TEST_F(ResolveTargetTest, WhatTakesTooLongIsNamed) {
  const Failure failure = FailureOf(Target("Match exec \"sleep 60\"\n"));
  EXPECT_EQ(failure.kind(), v1::FAILURE_TIMEOUT);
  EXPECT_THAT(failure.detail(), HasSubstr("gpu: `ssh -G` did not say within "));
  EXPECT_THAT(failure.fix(), HasSubstr("Match exec"));
}

TEST_F(ResolveTargetTest, ItCanBeGivenUp) {
  const std::atomic<bool> cancelled = true;
  const absl::Time begun = absl::Now();
  EXPECT_EQ(KindOf(ResolveTarget(Target("Match exec \"sleep 60\"\n"), &cancelled).status()),
            v1::FAILURE_CANCELLED);
  EXPECT_LT(absl::Now() - begun, absl::Seconds(30));
}

}  // namespace
}  // namespace iris
