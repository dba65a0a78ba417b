// What a claude is started with.

#include <string>

#include "agent/claude/auth_links.h"
#include "agent/claude/launch_fixture.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(LaunchTest, TranscriptsAreWhereTheChildWillLook) {
  Program("path/claude");
  Touch(std::string("config/projects/-p/") + kSession + ".jsonl");
  EXPECT_FALSE(Plan()->resumes);
  (*spec.mutable_env())["CLAUDE_CONFIG_DIR"] = scratch.File("config");
  EXPECT_TRUE(Plan()->resumes);

  spec.clear_env();
  Touch(std::string("other-home/.claude/projects/-p/") + kSession + ".jsonl");
  (*spec.mutable_env())["HOME"] = scratch.File("other-home");
  EXPECT_TRUE(Plan()->resumes);
}

TEST_F(LaunchTest, InheritedCredentialsAreScrubbedUnlessPassedByName) {
  Program("path/claude");
  for (const char* variable :
       {"ANTHROPIC_API_KEY=secret", "CLAUDE_CODE_X=1", "CLAUDECODE=1", "LANG=C.UTF-8", "EMPTY="}) {
    context.child_env.push_back(variable);
  }
  EXPECT_EQ(Variable("ANTHROPIC_API_KEY"), "(unset)");
  EXPECT_EQ(Variable("CLAUDE_CODE_X"), "(unset)");
  EXPECT_EQ(Variable("CLAUDECODE"), "(unset)");
  EXPECT_EQ(Variable("LANG"), "C.UTF-8");
  EXPECT_EQ(Variable("EMPTY"), "");

  spec.add_pass_env("ANTHROPIC_API_KEY");
  EXPECT_EQ(Variable("ANTHROPIC_API_KEY"), "secret");
  EXPECT_EQ(Variable("CLAUDE_CODE_X"), "(unset)");
}

TEST_F(LaunchTest, TheTeamsEnvironmentWinsAndIsNotScrubbed) {
  Program("path/claude");
  context.child_env.push_back("LANG=C.UTF-8");
  (*spec.mutable_env())["LANG"] = "de_DE.UTF-8";
  (*spec.mutable_env())["ANTHROPIC_MODEL"] = "m";
  EXPECT_EQ(Variable("LANG"), "de_DE.UTF-8");
  EXPECT_EQ(Variable("ANTHROPIC_MODEL"), "m");
  EXPECT_EQ(Variable("HOME"), home);  // Always there.
}

TEST_F(LaunchTest, AnEnvironmentThatIsSaidReplacesTheAgentsOwn) {
  Program("path/claude");
  context.child_env.push_back("OF_THE_AGENT=1");
  for (const std::string& entry :
       {"PATH=" + scratch.File("path"), std::string("CLAUDE_CODE_OAUTH_TOKEN=t"),
        std::string("CLAUDECODE=1"), std::string("SSH_AUTH_SOCK=/a")}) {
    spec.mutable_environment()->add_entries(entry);
  }
  EXPECT_EQ(Variable("OF_THE_AGENT"), "(unset)");
  EXPECT_EQ(Variable("CLAUDE_CODE_OAUTH_TOKEN"), "t");
  EXPECT_EQ(Variable("CLAUDECODE"), "(unset)") << "a parent claude's";
  EXPECT_EQ(Variable("HOME"), home);
  (*spec.mutable_env())["SSH_AUTH_SOCK"] = "";
  EXPECT_EQ(Variable("SSH_AUTH_SOCK"), "(unset)");
}

TEST_F(LaunchTest, ItsDirectoryIsTheTeamsAndNotThatOfAShellElsewhere) {
  Program("path/claude");
  for (const std::string& entry : {"PATH=" + scratch.File("path"), std::string("PWD=/elsewhere"),
                                   std::string("OLDPWD=/before")}) {
    spec.mutable_environment()->add_entries(entry);
  }
  EXPECT_EQ(Variable("PWD"), project);
  EXPECT_EQ(Variable("OLDPWD"), "(unset)");
  spec.set_cwd("~/");
  EXPECT_EQ(Variable("PWD"), home);
}

TEST_F(LaunchTest, AnEnvironmentHasItsBounds) {
  constexpr int kEntriesMax = 8192;
  constexpr size_t kBytesMax = 768 << 10;
  for (int i = 0; i < kEntriesMax; ++i) spec.mutable_environment()->add_entries("A=");
  EXPECT_TRUE(CheckEnvironment(spec, context).ok());
  spec.mutable_environment()->add_entries("A=");
  const absl::Status many = CheckEnvironment(spec, context);
  EXPECT_EQ(KindOf(many), v1::FAILURE_BAD_REQUEST);
  EXPECT_THAT(std::string(many.message()), AllOf(HasSubstr("team gpu"), HasSubstr("8193")));

  spec.clear_environment();
  spec.mutable_environment()->add_entries("A=" + std::string(kBytesMax - 3, 'a'));
  EXPECT_TRUE(CheckEnvironment(spec, context).ok());
  spec.mutable_environment()->add_entries("");
  EXPECT_EQ(KindOf(CheckEnvironment(spec, context)), v1::FAILURE_BAD_REQUEST);
}

TEST_F(LaunchTest, WhereClaudeKeepsItsSessionsIsKnownToTheNextAgent) {
  Program("path/claude");
  spec.add_kept("CLAUDE_CONFIG_DIR=" + scratch.File("config"));
  spec.add_kept("HOME=" + scratch.File("other-home"));
  EXPECT_EQ(Variable("CLAUDE_CONFIG_DIR"), scratch.File("config"));
  EXPECT_EQ(Variable("HOME"), scratch.File("other-home"));
  EXPECT_EQ(Variable("PATH"), scratch.File("path")) << "the agent's own";
  Touch(std::string("config/projects/-p/") + kSession + ".jsonl");
  EXPECT_TRUE(Plan()->resumes);
}

TEST_F(LaunchTest, AnotherEnvironmentAloneIsNoOtherLaunch) {
  v1::LaunchSpec other = spec;
  other.mutable_environment()->add_entries("A=b");
  EXPECT_TRUE(LaunchesAlike(spec, other));
  other.set_cwd("/elsewhere");
  EXPECT_FALSE(LaunchesAlike(spec, other));
}

TEST_F(LaunchTest, AnEmptyValueTakesAVariableOutOfTheEnvironment) {
  Program("path/claude");
  context.child_env.push_back("SSH_AUTH_SOCK=/somebody/elses");
  (*spec.mutable_env())["SSH_AUTH_SOCK"] = "";
  EXPECT_EQ(Variable("SSH_AUTH_SOCK"), "(unset)");
}

TEST_F(LaunchTest, AChildGetsThePathOfItsLinkForWhatAConnectionLends) {
  Program("path/claude");
  AuthLinks links("/tmp/a", "host");
  (*spec.mutable_env())["SSH_AUTH_SOCK"] = "/tmp/ssh-1/agent.1";
  spec.set_link(std::string(32, 'a'));
  EXPECT_EQ(Variable("SSH_AUTH_SOCK"), "/tmp/ssh-1/agent.1") << "an agent that has none";
  context.auth_links = &links;
  EXPECT_EQ(Variable("SSH_AUTH_SOCK"), links.PathOf(spec.link()));
  spec.clear_link();
  EXPECT_EQ(Variable("SSH_AUTH_SOCK"), "/tmp/ssh-1/agent.1");
  spec.set_link(std::string(32, 'a'));
  (*spec.mutable_env())["SSH_AUTH_SOCK"] = "";
  EXPECT_EQ(Variable("SSH_AUTH_SOCK"), "(unset)") << "nothing is lent";
}

TEST_F(LaunchTest, AChildKeepsItsConnectionsOwnSocketWhereThatCannotBeShown) {
  Program("path/claude");
  AuthLinks links(scratch.File("a"), "host");
  context.auth_links = &links;
  spec.set_link(std::string(32, 'a'));
  const std::string own = Touch("no-socket-of-ours");
  (*spec.mutable_env())["SSH_AUTH_SOCK"] = own;
  links.Lend(spec.link(), own);
  EXPECT_EQ(Variable("SSH_AUTH_SOCK"), own);
}

}  // namespace
}  // namespace iris
