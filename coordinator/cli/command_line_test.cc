#include "coordinator/cli/command_line.h"

#include <initializer_list>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ParsedCommandLine Parse(std::initializer_list<const char*> arguments) {
  std::vector<std::string> words = {"iris"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return ParseCommandLine(words);
}

TEST(CommandLineTest, ATellHasItsDefaults) {
  const CommandLine command = Parse({"tell", "gpu", "do it"}).command;
  EXPECT_EQ(command.verb, Verb::kTell);
  EXPECT_EQ(command.team, "gpu");
  EXPECT_EQ(command.text, "do it");
  EXPECT_EQ(command.from, "");
  EXPECT_EQ(command.timeout_ms, 0);
  EXPECT_FALSE(command.json);
  EXPECT_FALSE(command.wait_limit);
  EXPECT_TRUE(Parse({"tell", "gpu", "do it", "--wait-limit"}).command.wait_limit);
  EXPECT_EQ(command.when_away, "");
  EXPECT_EQ(Parse({"tell", "gpu", "do it", "--when-away", "wait"}).command.when_away, "wait");
}

TEST(CommandLineTest, OptionsMayStandAnywhere) {
  const CommandLine command =
      Parse({"tell", "--timeout", "-1", "gpu", "--json", "-", "--from", "backend"}).command;
  EXPECT_EQ(command.timeout_ms, -1);
  EXPECT_EQ(command.text, "-");
  EXPECT_EQ(command.from, "backend");
  EXPECT_TRUE(command.json);
  EXPECT_EQ(Parse({"tell", "gpu", "--", "-5 degrees"}).command.text, "-5 degrees");
}

TEST(CommandLineTest, TheOtherVerbsAreKnown) {
  EXPECT_EQ(Parse({"status", "--json"}).command.verb, Verb::kStatus);
  EXPECT_EQ(Parse({"teams"}).command.verb, Verb::kTeams);
  EXPECT_TRUE(Parse({"stop", "--agents"}).command.agents);
  EXPECT_FALSE(Parse({"stop", "--agents"}).command.force);
  EXPECT_TRUE(Parse({"stop", "--agents", "--force"}).command.force);
  EXPECT_EQ(Parse({"mcp"}).command.verb, Verb::kMcp);
  EXPECT_EQ(Parse({"mcp", "--team", "web"}).command.team, "web");
  EXPECT_EQ(Parse({"version"}).command.verb, Verb::kVersion);
  EXPECT_EQ(Parse({"serve"}).command.idle_exit, absl::Minutes(10));
  EXPECT_EQ(Parse({"serve", "--idle-exit-ms", "50"}).command.idle_exit, absl::Milliseconds(50));
}

TEST(CommandLineTest, ATakeoverNamesTheTwoEnds) {
  const CommandLine command = Parse({"takeover", "gpu", "--from", "backend", "--json"}).command;
  EXPECT_EQ(command.verb, Verb::kTakeover);
  EXPECT_EQ(command.team, "gpu");
  EXPECT_EQ(command.from, "backend");
  EXPECT_TRUE(command.json);
  EXPECT_EQ(Parse({"takeover", "gpu"}).command.from, "");
  EXPECT_EQ(Parse({"takeover"}).exit_code, kExitUsage);
}

TEST(CommandLineTest, WrongUsageIsSaidAndNothingRuns) {
  for (const auto& parsed :
       {Parse({}), Parse({"frobnicate"}), Parse({"tell"}), Parse({"tell", "gpu"}),
        Parse({"tell", "gpu", "x", "y"}), Parse({"tell", "gpu", "x", "--timeout", "soon"}),
        Parse({"tell", "gpu", "x", "--timeout", "-2"}), Parse({"status", "--agents"}),
        Parse({"tell", "gpu", "x", "--when-away", "run"}),
        Parse({"stop", "--force"}), Parse({"mcp", "x"}), Parse({"serve", "--idle-exit-ms", "0"})}) {
    EXPECT_EQ(parsed.command.verb, Verb::kNone);
    EXPECT_EQ(parsed.exit_code, kExitUsage);
    EXPECT_NE(parsed.message, "");
  }
}

TEST(CommandLineTest, HelpIsNoMistakeAndHidesWhatIsForTests) {
  const ParsedCommandLine help = Parse({"serve", "--help"});
  EXPECT_EQ(help.exit_code, kExitOk);
  EXPECT_EQ(help.command.verb, Verb::kNone);
  EXPECT_THAT(help.message, HasSubstr("serve"));
  EXPECT_THAT(help.message, Not(HasSubstr("idle-exit")));
}

TEST(CommandLineTest, TellsAreListedOrOneIsShown) {
  EXPECT_EQ(Parse({"tells"}).command.verb, Verb::kTells);
  EXPECT_EQ(Parse({"tells"}).command.tell_id, "");
  EXPECT_TRUE(Parse({"tells", "--all", "--json"}).command.all);
  const CommandLine one = Parse({"tells", "ID", "--wait"}).command;
  EXPECT_EQ(one.tell_id, "ID");
  EXPECT_TRUE(one.wait);
  EXPECT_EQ(Parse({"tells", "--wait"}).exit_code, kExitUsage);
  EXPECT_EQ(Parse({"tells", "ID", "--all"}).exit_code, kExitUsage);
  EXPECT_EQ(Parse({"cancel"}).exit_code, kExitUsage);
  EXPECT_EQ(Parse({"cancel", "ID"}).command.verb, Verb::kCancel);
  EXPECT_EQ(Parse({"cancel", "ID"}).command.tell_id, "ID");
}

}  // namespace
}  // namespace iris
