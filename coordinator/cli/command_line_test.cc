#include "coordinator/cli/command_line.h"

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

std::vector<std::string> Lines(const std::string& text) { return absl::StrSplit(text, '\n'); }

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
  EXPECT_TRUE(command.text_from_stdin);
  EXPECT_EQ(command.from, "backend");
  EXPECT_TRUE(command.json);
  EXPECT_EQ(Parse({"tell", "gpu", "--", "-5 degrees"}).command.text, "-5 degrees");
}

TEST(CommandLineTest, AMessageNeedsNoQuotes) {
  EXPECT_EQ(Parse({"tell", "gpu", "how", "full", "is", "it"}).command.text, "how full is it");
  const CommandLine command =
      Parse({"tell", "--from", "web", "gpu", "do", "--json", "it", "--timeout", "5m", "now"})
          .command;
  EXPECT_EQ(command.team, "gpu");
  EXPECT_EQ(command.text, "do it now");
  EXPECT_EQ(command.from, "web");
  EXPECT_EQ(command.timeout_ms, 300'000);
  EXPECT_TRUE(command.json);
  EXPECT_EQ(Parse({"tell", "gpu", "is", "it", "-5", "degrees"}).command.text, "is it -5 degrees");
  EXPECT_EQ(Parse({"tell", "gpu", "--", "run", "--all", "status"}).command.text,
            "run --all status");
  EXPECT_EQ(Parse({"tell", "gpu", "[1, 2]", "{}", "++"}).command.text, "[1, 2] {} ++");
  EXPECT_EQ(Parse({"tell", "gpu", "two  blanks", "\n"}).command.text, "two  blanks \n");
  EXPECT_EQ(Parse({"tell", "gpu", "--timeout=1h30m", "x"}).command.timeout_ms, 5'400'000);
}

TEST(CommandLineTest, WhatLooksLikeAnOptionIsNoneOfTheMessageWhateverIsInIt) {
  const auto parsed = Parse({"tell", "gpu", "x", "--\x1b[31mfoo"});
  EXPECT_EQ(parsed.exit_code, kExitUsage);
  EXPECT_THAT(parsed.message, AllOf(HasSubstr("there is no option"), HasSubstr("foo")));
}

TEST(CommandLineTest, ADashIsStdinAloneAndTextBehindTwo) {
  for (const auto& parsed :
       {Parse({"tell", "gpu", "review", "-"}), Parse({"tell", "gpu", "-", "now"}),
        Parse({"tell", "gpu", "a", "-", "--", "b"}), Parse({"tell", "gpu", "-", "-"})}) {
    EXPECT_EQ(parsed.exit_code, kExitUsage);
    EXPECT_THAT(parsed.message, AllOf(HasSubstr("iris tell: - reads the whole message from stdin"),
                                      HasSubstr("put -- before")));
  }
  const CommandLine text = Parse({"tell", "gpu", "--", "3", "-", "1"}).command;
  EXPECT_EQ(text.text, "3 - 1");
  EXPECT_FALSE(text.text_from_stdin);
  EXPECT_FALSE(Parse({"tell", "gpu", "--", "-"}).command.text_from_stdin);
  EXPECT_EQ(Parse({"tell", "--", "gpu", "-"}).command.text, "-");
  EXPECT_FALSE(Parse({"tell", "-", "hello"}).command.text_from_stdin);
}

TEST(CommandLineTest, AnOptionWithoutItsValueIsNamed) {
  for (const char* option : {"--timeout", "--from", "--id", "--when-away"}) {
    const std::string needs = std::string("iris tell: ") + option + " needs a value\n";
    for (const auto& parsed : {Parse({"tell", "gpu", "hello", option}),
                               Parse({"tell", "gpu", option, "--json", "hello"}),
                               Parse({"tell", "gpu", option, "--", "hello"})}) {
      EXPECT_EQ(parsed.exit_code, kExitUsage);
      EXPECT_THAT(parsed.message, HasSubstr(needs));
    }
  }
  EXPECT_TRUE(Parse({"tell", "gpu", "hello", "--json", "--timeout"}).command.json);
}

TEST(CommandLineTest, AWordOfTheMessageThatLooksLikeAnOptionIsExplained) {
  const ParsedCommandLine parsed = Parse({"tell", "gpu", "git", "push", "-f", "origin"});
  EXPECT_EQ(parsed.exit_code, kExitUsage);
  EXPECT_THAT(parsed.message,
              HasSubstr("there is no option -f; if it belongs to the message, put -- "
                        "before the message\n"));
  EXPECT_EQ(Parse({"tell", "gpu", "--", "git", "push", "-f"}).command.text, "git push -f");
  EXPECT_THAT(Parse({"teams", "-f"}).message, Not(HasSubstr("put --")));
}

TEST(CommandLineTest, JsonMayBeAskedForBeforeTheCommand) {
  const CommandLine status = Parse({"--json", "status", "gpu"}).command;
  EXPECT_EQ(status.verb, Verb::kStatus);
  EXPECT_EQ(status.team, "gpu");
  EXPECT_TRUE(status.json);
  EXPECT_EQ(Parse({"--json", "tell", "gpu", "a", "b"}).command.text, "a b");
  EXPECT_TRUE(Parse({"--json", "--version"}).command.json);
  EXPECT_TRUE(Parse({"--json", "stauts"}).command.json);
  EXPECT_EQ(Parse({"--json"}).message, Parse({}).message);
  EXPECT_EQ(Parse({"--json", "help", "tell"}).message, Parse({"help", "tell"}).message);
}

TEST(CommandLineTest, WhoDoesNotWaitSaysSoInAWord) {
  EXPECT_EQ(Parse({"tell", "gpu", "x", "-d"}).command.timeout_ms, -1);
  EXPECT_EQ(Parse({"tell", "gpu", "--detach", "x", "y"}).command.text, "x y");
  EXPECT_EQ(Parse({"tell", "gpu", "x", "-d", "--timeout", "5m"}).exit_code, kExitUsage);
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
  EXPECT_EQ(Parse({"--version"}).command.verb, Verb::kVersion);
  EXPECT_EQ(Parse({"-V"}).command.verb, Verb::kVersion);
  EXPECT_EQ(Parse({"status", "gpu"}).command.team, "gpu");
  EXPECT_TRUE(Parse({"teams", "-l"}).command.long_form);
  EXPECT_EQ(Parse({"wake", "gpu"}).command.verb, Verb::kWake);
  EXPECT_EQ(Parse({"sleep", "gpu", "--from", "web"}).command.from, "web");
  EXPECT_TRUE(Parse({"sleep", "gpu", "--force"}).command.force);
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
       {Parse({"frobnicate"}), Parse({"tell"}), Parse({"tell", "gpu"}),
        Parse({"tell", "gpu", "x", "--id", "xyz"}),
        Parse({"tell", "gpu", "x", "--timeout", "soon"}),
        Parse({"tell", "gpu", "x", "--timeout", "-2"}), Parse({"status", "--agents"}),
        Parse({"tell", "gpu", "x", "--when-away", "run"}), Parse({"stop", "--force"}),
        Parse({"mcp", "x"}), Parse({"serve", "--idle-exit-ms", "0"})}) {
    EXPECT_EQ(parsed.command.verb, Verb::kNone);
    EXPECT_EQ(parsed.exit_code, kExitUsage);
    EXPECT_NE(parsed.message, "");
  }
}

// Every command, in the order of the help.
std::vector<std::string> Commands() {
  std::vector<std::string> commands;
  for (const std::string& line : Lines(Parse({}).message)) {
    // "  tell        Send …", up to the examples.
    if (line == "Examples:") break;
    if (absl::StartsWith(line, "  ")) commands.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  return commands;
}

TEST(CommandLineTest, HelpIsNoMistakeAndHidesWhatIsForTests) {
  const ParsedCommandLine help = Parse({"serve", "--help"});
  EXPECT_EQ(help.exit_code, kExitOk);
  EXPECT_EQ(help.command.verb, Verb::kNone);
  EXPECT_THAT(help.message, HasSubstr("serve"));
  EXPECT_THAT(help.message, Not(HasSubstr("idle-exit")));
}

TEST(CommandLineTest, HelpIsWhatIrisAloneSays) {
  const ParsedCommandLine alone = Parse({});
  EXPECT_EQ(alone.exit_code, kExitOk);
  for (const auto& asked :
       {Parse({"help"}), Parse({"--help"}), Parse({"-h"}), Parse({"help", "help"})}) {
    EXPECT_EQ(asked.exit_code, kExitOk);
    EXPECT_EQ(asked.message, alone.message);
  }
  EXPECT_THAT(alone.message, AllOf(HasSubstr("Talk:"), HasSubstr("Look:"), HasSubstr("Run:"),
                                   HasSubstr("Examples:"), HasSubstr("4 not answered yet"),
                                   HasSubstr("130 interrupted")));
  EXPECT_THAT(Commands(),
              UnorderedElementsAre("tell", "tells", "cancel", "answer", "status", "teams",
                                   "version", "wake", "sleep", "takeover", "mcp", "serve", "stop"));
}

TEST(CommandLineTest, EveryCommandHasHelpThatFitsATerminal) {
  std::vector<std::string> texts = {Parse({}).message};
  for (const std::string& command : Commands()) {
    const ParsedCommandLine help = Parse({"help", command.c_str()});
    EXPECT_EQ(help.exit_code, kExitOk) << command;
    EXPECT_THAT(help.message, HasSubstr("iris " + command)) << command;
    texts.push_back(help.message);
  }
  for (const std::string& text : texts) {
    for (const std::string& line : Lines(text)) EXPECT_LE(line.size(), 80u) << line;
    // One word for one thing, as docs/GLOSSARY.md has them.
    for (const char* word : {"settled", "fetched", "addressee", "mend", "suspect", "whoever"}) {
      EXPECT_THAT(text, Not(HasSubstr(word)));
    }
  }
}

TEST(CommandLineTest, WhatIsMistypedIsGuessed) {
  const ParsedCommandLine command = Parse({"stauts"});
  EXPECT_EQ(command.exit_code, kExitUsage);
  EXPECT_THAT(command.message, HasSubstr("there is no command `stauts`; did you mean `status`?"));
  EXPECT_THAT(Parse({"help", "stauts"}).message, HasSubstr("did you mean `status`?"));
  EXPECT_THAT(Parse({"tell", "gpu", "x", "--tiemout", "5"}).message,
              HasSubstr("there is no option --tiemout; did you mean --timeout?"));
  EXPECT_THAT(Parse({"teams", "x"}).message, HasSubstr("`x` is one word too many"));
  EXPECT_THAT(Parse({"tell", "gpu"}).message,
              AllOf(HasSubstr("iris tell: TEXT is required"), HasSubstr("`iris help tell`")));
  EXPECT_THAT(Parse({"tell", "gpu", "x", "--timeout", "soon"}).message, HasSubstr("1h30m"));
}

TEST(CommandLineTest, WrongUsageIsJsonToWhoAsksForIt) {
  EXPECT_TRUE(Parse({"tells", "--wait", "--json"}).command.json);
  EXPECT_TRUE(Parse({"stauts", "--json"}).command.json);
  EXPECT_FALSE(Parse({"tell", "--", "--json"}).command.json);
  EXPECT_TRUE(Parse({"stop", "--json"}).command.json);
  EXPECT_TRUE(Parse({"version", "--json"}).command.json);
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
  EXPECT_EQ(Parse({"tells", "ID", "--last"}).exit_code, kExitUsage);
  EXPECT_TRUE(Parse({"tells", "--last", "--wait"}).command.last);
  EXPECT_EQ(Parse({"cancel"}).exit_code, kExitUsage);
  EXPECT_TRUE(Parse({"cancel", "--last"}).command.last);
  EXPECT_EQ(Parse({"cancel", "ID"}).command.verb, Verb::kCancel);
  EXPECT_EQ(Parse({"cancel", "ID"}).command.tell_id, "ID");
}

TEST(CommandLineTest, AnEmptyWordNamesNothing) {
  for (const ParsedCommandLine& parsed :
       {Parse({"tells", ""}), Parse({"cancel", ""}), Parse({"answer", ""}), Parse({"status", ""}),
        Parse({"wake", ""}), Parse({"tell", "", "hello"}), Parse({"tells", "--from", ""}),
        Parse({"sleep", "gpu", "--from", ""}), Parse({"tell", "gpu", "hello", "--from", ""})}) {
    EXPECT_EQ(parsed.exit_code, kExitUsage) << parsed.message;
    EXPECT_THAT(parsed.message, HasSubstr("must not be empty"));
  }
}

TEST(CommandLineTest, AReasonIsForDenyAndAnInputForAllow) {
  EXPECT_EQ(Parse({"answer", "3f2a", "deny", "--message", "no"}).command.message, "no");
  EXPECT_EQ(Parse({"answer", "3f2a", "allow", "--input", "{}"}).command.input, "{}");
  const ParsedCommandLine allow = Parse({"answer", "3f2a", "allow", "--message", "fine"});
  EXPECT_EQ(allow.exit_code, kExitUsage);
  EXPECT_THAT(allow.message, HasSubstr("--message is only for deny"));
  const ParsedCommandLine deny = Parse({"answer", "3f2a", "deny", "--input", "{}"});
  EXPECT_EQ(deny.exit_code, kExitUsage);
  EXPECT_THAT(deny.message, HasSubstr("--input is only for allow"));
}

}  // namespace
}  // namespace iris
