#include "coordinator/mcp/instructions.h"

#include <string>

#include "common/base/utf8.h"
#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

v1::ListTeamsResponse Teams(int count, const std::string& description) {
  v1::ListTeamsResponse teams;
  for (int i = 0; i < count; ++i) {
    v1::TeamInfo* team = teams.add_teams();
    team->set_name("team" + std::to_string(i));
    team->set_description(description);
  }
  return teams;
}

TEST(McpInstructionsTest, TheyNameTheCallerTheOthersAndWhatIsUnread) {
  v1::ListTeamsResponse teams = Teams(3, "");
  teams.mutable_teams(1)->set_description("8 GPUs,\n  big ones");
  const std::string text =
      McpInstructions(teams, {.visitor = {.caller = "team0"}}, "1 answer waits: x from team1.");
  EXPECT_THAT(text, HasSubstr("\nYou are team0.\n"));
  EXPECT_THAT(text, HasSubstr("\nTeams: team1 – 8 GPUs, big ones; team2.\n"));
  EXPECT_THAT(text, EndsWith("\n1 answer waits: x from team1."));
  EXPECT_THAT(McpInstructions(teams, {.visitor = {.caller = "notes@laptop"}}, ""),
              AllOf(HasSubstr("You are notes@laptop: your folder belongs to no team.\n"),
                    HasSubstr("Teams: team0; team1")));
  EXPECT_THAT(McpInstructions(Teams(1, ""), {.visitor = {.caller = "team0"}}, ""),
              HasSubstr("no other team"));
}

TEST(McpInstructionsTest, OnlyWhoseFrontEndIsTooOldIsToldToNameItsTeam) {
  EXPECT_THAT(McpInstructions(Teams(2, ""), {.calls_say_it = true}, ""),
              AllOf(HasSubstr("fromTeam is always the team in whose folder you work"),
                    HasSubstr("Teams: team0; team1"), Not(HasSubstr("You are"))));
  const absl::Status broken = MakeFailure(v1::FAILURE_BAD_REQUEST, "c.json:3: x", "Mend it.");
  EXPECT_THAT(McpInstructions(broken, {}, ""),
              AllOf(HasSubstr("Leave fromTeam out"), Not(HasSubstr("whose folder"))));
}

TEST(McpInstructionsTest, TheyAreShortenedAlikeBeforeATeamIsLeftOut) {
  const std::string unread(2000, 'u');
  for (const int count : {10, 30, 100, 200}) {
    for (const char* word : {"many words ", "światy 世界 "}) {
      std::string description;
      while (description.size() < 4000) description += word;
      const std::string text = McpInstructions(Teams(count, description), {}, unread);
      EXPECT_LE(text.size(), kInstructionsBytesMax);
      EXPECT_TRUE(IsUtf8(text));
      EXPECT_THAT(text, HasSubstr("team" + std::to_string(count - 1))) << count;
      EXPECT_THAT(text, Not(HasSubstr("more, which")));
    }
  }
  std::string long_unread(5000, 'u');
  const std::string text = McpInstructions(Teams(1000, "x"), {}, long_unread);
  EXPECT_LE(text.size(), kInstructionsBytesMax);
  EXPECT_THAT(text, AllOf(HasSubstr("team0; team1; "), HasSubstr("more, which list_teams shows.")));
}

TEST(McpInstructionsTest, WhereThereAreNoTeamsTheySayWhatIsWrong) {
  const absl::Status broken =
      MakeFailure(v1::FAILURE_BAD_REQUEST, "c.json:3: " + std::string(9000, 'x'), "Mend it.");
  const std::string text = McpInstructions(broken, {}, "");
  EXPECT_LE(text.size(), kInstructionsBytesMax);
  EXPECT_THAT(text, HasSubstr("c.json:3: xxx"));
}

}  // namespace
}  // namespace iris
