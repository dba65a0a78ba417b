#include "agent/claude/launch.h"

#include <sys/stat.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>

#include "agent/claude/launch_fixture.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

TEST_F(LaunchTest, TheTeamsClaudePathGoesFirst) {
  Program("path/claude");
  const std::string own = Program("home/bin/claude-2");
  spec.set_claude_path(own);
  EXPECT_EQ(Child().program, own);
  spec.set_claude_path("~/bin/claude-2");
  EXPECT_EQ(Child().program, own);
}

TEST_F(LaunchTest, AClaudePathThatCannotRunIsNotReplacedByAnother) {
  Program("path/claude");
  spec.set_claude_path("~/bin/claude-2");
  EXPECT_THAT(Refusal(v1::FAILURE_CLAUDE_MISSING),
              AllOf(HasSubstr("team gpu"), HasSubstr("bin/claude-2"), HasSubstr("gpu1")));
  Touch("home/bin/claude-2", 0700);
  EXPECT_THAT(Refusal(v1::FAILURE_NOT_EXECUTABLE),
              AllOf(HasSubstr("team gpu"), HasSubstr("bin/claude-2"), HasSubstr("is empty")));
}

TEST_F(LaunchTest, WhatIsThereAndCannotRunIsNamedWithThePlaces) {
  const std::string empty = Touch("path/claude", 0700);
  std::filesystem::create_directories(home + "/.local/bin");
  std::filesystem::create_symlink("/nonexistent/versions/2.1", home + "/.local/bin/claude");
  EXPECT_THAT(Refusal(v1::FAILURE_NOT_EXECUTABLE),
              AllOf(HasSubstr(empty + " is empty"),
                    HasSubstr(home + "/.local/bin/claude is a link that leads nowhere"),
                    HasSubstr("looked in " + scratch.File("path"))));
  const std::string right = Program("home/.bun/bin/claude");
  EXPECT_EQ(Child().program, right);
}

TEST_F(LaunchTest, NodeJoinsThePathForClaudeAndItsHooks) {
  Program("path/claude");
  Program("home/.nvm/versions/node/v22.1.0/bin/node");
  EXPECT_EQ(Variable("PATH"),
            scratch.File("path") + ":" + home + "/.nvm/versions/node/v22.1.0/bin");
  Program("path/node");
  EXPECT_EQ(Variable("PATH"), scratch.File("path"));
}

TEST_F(LaunchTest, AScriptOfNodesNeedsNode) {
  Program("home/.local/share/pnpm/claude", "#!/usr/bin/env node\n");
  EXPECT_THAT(Refusal(v1::FAILURE_NOT_EXECUTABLE), HasSubstr("pnpm/claude needs node"));
  Program("home/n/bin/node");
  EXPECT_EQ(Variable("PATH"),
            scratch.File("path") + ":" + home + "/.local/share/pnpm:" + home + "/n/bin");
}

TEST_F(LaunchTest, AShimOfAsdfsHasAsdfOnItsPath) {
  Program("home/.asdf/shims/claude");
  Program("home/.asdf/bin/asdf");
  EXPECT_EQ(Variable("PATH"),
            scratch.File("path") + ":" + home + "/.asdf/shims:" + home + "/.asdf/bin");
}

TEST_F(LaunchTest, PathGoesBeforeTheUsualPlaces) {
  Program("home/.local/bin/claude");
  const std::string on_path = Program("path/claude");
  EXPECT_EQ(Child().program, on_path);
}

TEST_F(LaunchTest, WhatIsNoProgramIsPassedOver) {
  std::filesystem::create_directories(scratch.File("path/claude"));
  Touch("path2/claude", 0600);
  const std::string right = Program("path3/claude");
  context.child_env = {"PATH=relative::" + scratch.File("path") + ":" + scratch.File("path2") +
                       ":" + scratch.File("path3")};
  EXPECT_EQ(Child().program, right);
}

TEST_F(LaunchTest, EveryUsualPlaceIsFoundAndJoinsThePath) {
  for (const std::string place :
       {"home/.local/bin",
        "home/.claude/local",
        "home/.npm-global/bin",
        "home/.bun/bin",
        "home/.volta/bin",
        "system",
        "home/.nvm/versions/node/v20.1.0/bin",
        "home/.local/share/pnpm",
        "home/n/bin",
        "home/.linuxbrew/bin",
        "home/.nix-profile/bin",
        "home/.local/share/mise/shims",
        "home/.local/share/mise/installs/node/22.1.0/bin",
        "home/.local/share/mise/installs/claude/2.1.332",
        "home/.local/share/mise/installs/npm-anthropic-ai-claude-code/2.1.332/bin",
        "home/.asdf/shims",
        "home/.asdf/installs/nodejs/22.1.0/bin",
        "home/.local/share/fnm/node-versions/v22.1.0/installation/bin",
        "home/.fnm/aliases/default/bin",
        "home/.nodenv/versions/22.1.0/bin"}) {
    const std::string program = Program(place + "/claude");
    EXPECT_EQ(Child().program, program);
    EXPECT_EQ(Variable("PATH"), scratch.File("path") + ":" + scratch.File(place));
    std::filesystem::remove(program);
  }
}

TEST_F(LaunchTest, TheNewestNodeGoesFirst) {
  Program("home/.nvm/versions/node/v9.11.0/bin/claude");
  const std::string newest = Program("home/.nvm/versions/node/v22.3.0/bin/claude");
  Program("home/.nvm/versions/node/v22.1.0/bin/claude");
  EXPECT_EQ(Child().program, newest);
}

TEST_F(LaunchTest, MissingEverywhereSaysWhereItLooked) {
  EXPECT_THAT(Refusal(v1::FAILURE_CLAUDE_MISSING),
              AllOf(HasSubstr("gpu1"), HasSubstr(scratch.File("path")),
                    HasSubstr(home + "/.local/bin"), HasSubstr(scratch.File("system"))));
}

TEST_F(LaunchTest, TheDirectoryMustBeOne) {
  Program("path/claude");
  spec.set_cwd(scratch.File("nowhere"));
  EXPECT_THAT(Refusal(v1::FAILURE_BAD_REQUEST),
              AllOf(HasSubstr("team gpu"), HasSubstr("nowhere on gpu1 does not exist")));
  std::filesystem::create_symlink(scratch.File("nowhere"), scratch.File("link"));
  spec.set_cwd(scratch.File("link"));
  EXPECT_THAT(Refusal(v1::FAILURE_BAD_REQUEST), HasSubstr("is a link that leads nowhere"));
  spec.set_cwd(Touch("file"));
  EXPECT_THAT(Refusal(v1::FAILURE_BAD_REQUEST), HasSubstr("is a file, not a directory"));
  spec.set_cwd(scratch.File("file/below"));
  EXPECT_THAT(Refusal(v1::FAILURE_BAD_REQUEST), HasSubstr("is below a file"));
  spec.set_cwd("~/my project");
  EXPECT_EQ(Child().cwd, project);
  spec.set_cwd("~");
  EXPECT_EQ(Child().cwd, home);
}

TEST_F(LaunchTest, ANewSessionIsNamedAndOneWithATranscriptIsResumed) {
  Program("path/claude");
  EXPECT_FALSE(Plan()->resumes);
  EXPECT_THAT(Child().args,
              AllOf(IsSupersetOf({"--session-id", kSession}), Not(Contains("--resume"))));

  std::string folder = project;
  for (char& c : folder) c = isalnum(static_cast<unsigned char>(c)) ? c : '-';
  Touch("home/.claude/projects/" + folder + "/" + kSession + ".jsonl");
  EXPECT_TRUE(Plan()->resumes);
  EXPECT_THAT(Child().args,
              AllOf(IsSupersetOf({"--resume", kSession}), Not(Contains("--session-id"))));
}

TEST_F(LaunchTest, ATranscriptOfAnotherDirectoryCountsToo) {
  Program("path/claude");
  Touch(std::string("home/.claude/projects/-somewhere-else/") + kSession + ".jsonl");
  EXPECT_TRUE(Plan()->resumes);
}

TEST_F(LaunchTest, ADirectoryOfPathOnTheNetworkHoldsNobodyUp) {
  Program("path/claude",
          "\x7f"
          "ELF");
  Program("net/claude",
          "\x7f"
          "ELF");
  Program("net/node");
  std::map<std::string, int> asked;
  context.child_env = {"PATH=" + scratch.File("net") + ":" + scratch.File("path")};
  context.is_on_network = [&](const std::string& path) {
    ++asked[path];
    return path.rfind(scratch.File("net"), 0) == 0;
  };
  EXPECT_EQ(Child().program, scratch.File("path/claude"));
  EXPECT_EQ(asked[scratch.File("net")], 1) << "once for all that is looked for";
  EXPECT_EQ(asked.count(scratch.File("net/node")), 0u) << "a claude that is no script needs none";
}

TEST_F(LaunchTest, ATranscriptThatCameMeanwhileIsResumed) {
  Program("path/claude");
  absl::StatusOr<LaunchPlan> plan = Plan();
  ASSERT_TRUE(plan.ok());
  EXPECT_THAT(plan->child.args, Contains("--session-id"));
  Touch(std::string("home/.claude/projects/-p/") + kSession + ".jsonl");
  LookForTranscript(spec, kSession, context, *plan);
  EXPECT_TRUE(plan->resumes);
  EXPECT_THAT(plan->child.args,
              AllOf(IsSupersetOf({"--resume", kSession}), Not(Contains("--session-id"))));
}

TEST_F(LaunchTest, ArgumentsEndWithTheTeams) {
  Program("path/claude");
  spec.set_skip_permissions(true);
  spec.add_args("--model");
  spec.add_args("a b");
  EXPECT_THAT(Child().args, ElementsAre("--print", "--verbose", "--input-format", "stream-json",
                                        "--output-format", "stream-json", "--replay-user-messages",
                                        "--session-id", kSession, "--dangerously-skip-permissions",
                                        "--model", "a b"));
}

TEST_F(LaunchTest, ADirectoryIsWhatItsPathLeadsTo) {
  namespace fs = std::filesystem;
  const DirectoryId first = DirectoryOf(spec, context);
  EXPECT_TRUE(first.known());
  fs::create_directory(scratch.File("second"));
  fs::create_directory_symlink(project, scratch.File("link"));
  spec.set_cwd(scratch.File("link"));
  EXPECT_EQ(DirectoryOf(spec, context), first);
  fs::remove(scratch.File("link"));
  EXPECT_FALSE(DirectoryOf(spec, context).known());
  fs::create_directory_symlink(scratch.File("second"), scratch.File("link"));
  EXPECT_TRUE(DirectoryOf(spec, context).known());
  EXPECT_NE(DirectoryOf(spec, context), first);
}

TEST_F(LaunchTest, ADirectoryOnANetworkFileSystemIsNotTold) {
  std::string asked;
  context.is_on_network = [&asked](const std::string& path) {
    asked = path;
    return true;
  };
  spec.set_cwd("~/my project");
  EXPECT_FALSE(DirectoryOf(spec, context).known());
  EXPECT_EQ(asked, project);
  context.is_on_network = [](const std::string&) { return false; };
  EXPECT_TRUE(DirectoryOf(spec, context).known());
}

TEST_F(LaunchTest, OnlyWhatDecidesHowItIsStartedMakesItAnotherLaunch) {
  const auto changed = [this](const std::function<void(v1::LaunchSpec&)>& change) {
    v1::LaunchSpec other = spec;
    change(other);
    return !LaunchesAlike(spec, other) || !LaunchesAlike(other, spec);
  };
  (*spec.mutable_env())["SSH_AUTH_SOCK"] = "/tmp/one";
  (*spec.mutable_env())["LANG"] = "C";
  spec.add_args("-x");
  EXPECT_TRUE(changed([](v1::LaunchSpec& s) { s.set_cwd("/"); }));
  EXPECT_TRUE(changed([](v1::LaunchSpec& s) { s.set_claude_path("/c"); }));
  EXPECT_TRUE(changed([](v1::LaunchSpec& s) { s.add_args("-y"); }));
  EXPECT_TRUE(changed([](v1::LaunchSpec& s) { s.set_args(0, "-y"); }));
  EXPECT_TRUE(changed([](v1::LaunchSpec& s) { (*s.mutable_env())["LANG"] = "de"; }));
  EXPECT_TRUE(changed([](v1::LaunchSpec& s) { s.mutable_env()->erase("LANG"); }));
  EXPECT_TRUE(changed([](v1::LaunchSpec& s) { s.add_pass_env("CLAUDE_X"); }));
  EXPECT_TRUE(changed([](v1::LaunchSpec& s) { s.set_skip_permissions(true); }));
  EXPECT_TRUE(changed([](v1::LaunchSpec& s) { s.set_ask_permissions(true); }));

  EXPECT_FALSE(changed([](v1::LaunchSpec&) {}));
  EXPECT_FALSE(changed([](v1::LaunchSpec& s) { (*s.mutable_env())["SSH_AUTH_SOCK"] = "/b"; }));
  EXPECT_FALSE(changed([](v1::LaunchSpec& s) { s.mutable_env()->erase("SSH_AUTH_SOCK"); }));
  EXPECT_FALSE(changed([](v1::LaunchSpec& s) { s.set_link(std::string(32, 'c')); }));
  EXPECT_FALSE(changed([](v1::LaunchSpec& s) { s.set_init_timeout_ms(1); }));
  EXPECT_FALSE(changed([](v1::LaunchSpec& s) { s.set_idle_timeout_ms(1); }));
  EXPECT_FALSE(changed([](v1::LaunchSpec& s) { s.set_team("other"); }));
  EXPECT_FALSE(changed([](v1::LaunchSpec& s) { s.set_from("other"); }));
  spec.set_skip_permissions(true);  // Then nobody is asked.
  EXPECT_FALSE(changed([](v1::LaunchSpec& s) { s.set_ask_permissions(true); }));
}

}  // namespace
}  // namespace iris
