#include "coordinator/cli/report.h"

#include <string>

#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/cli/text.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using Json = nlohmann::json;

Json JsonOf(const TellReport& report) { return Json::parse(TellJson(report)); }

TEST(ReportTest, StructuredOutputIsJsonOfItsOwnBesideTheText) {
  const std::string json = R"({"sum":3,"of":[1,2]})";
  const Json printed =
      JsonOf({.tell_id = "t", .text = "all\n\n" + json, .structured_bytes = json.size()});
  EXPECT_EQ(printed["answer"], "all\n\n" + json);
  EXPECT_EQ(printed["structured"], Json::parse(json));
  EXPECT_FALSE(JsonOf({.tell_id = "t", .text = json}).contains("structured"));
}

// A coordinator passes on what a host says.
TEST(ReportTest, WhatIsNoJsonIsTextAlone) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  for (const std::string& text : {std::string("{\"a\":"), deep}) {
    const Json printed = JsonOf({.tell_id = "t", .text = text, .structured_bytes = text.size()});
    EXPECT_EQ(printed["answer"], text);
    EXPECT_FALSE(printed.contains("structured"));
  }
  EXPECT_FALSE(
      JsonOf({.tell_id = "t", .text = "3", .structured_bytes = 99}).contains("structured"));
}

TEST(ReportTest, WhatATurnCostAndWasDeniedIsSaidAfterItsAnswer) {
  v1::TurnAccount account;
  EXPECT_EQ(AccountLines(account), "");
  EXPECT_FALSE(JsonOf({.tell_id = "t", .text = "x"}).contains("turn"));
  account.set_tools(2);
  account.set_cost_micro_usd(84'210);
  EXPECT_EQ(AccountLines(account), "turn: 2 tools, $0.08\n");
  account.set_denials(1);
  account.add_denied()->set_name("Bash");
  EXPECT_EQ(AccountLines(account),
            "1 use of a tool was denied: Bash.\n"
            "fix: With \"grantPermission\": \"ask\" in the team's configuration a person is asked "
            "instead (iris answer).\n"
            "turn: 2 tools, $0.08\n");
  const Json printed = JsonOf({.tell_id = "t", .text = "x", .account = account});
  EXPECT_EQ(printed["turn"]["costUsd"], 0.08421);
  EXPECT_EQ(printed["turn"]["denied"][0]["tool"], "Bash");
}

TEST(ReportTest, AFailureAtALimitSaysWhenItResets) {
  v1::RateLimit limit;
  limit.set_resets_at_ms(1'795'997'982'000);
  const Json printed = JsonOf({.tell_id = "t", .status = MakeRateLimited("5-hour limit", limit)});
  EXPECT_EQ(printed["failure"]["kind"], "rate_limited");
  EXPECT_EQ(printed["failure"]["resetsAt"], "2026-11-30T00:19:42Z");
  EXPECT_FALSE(
      JsonOf({.tell_id = "t", .status = MakeFailure(v1::FAILURE_TIMEOUT, "late")})["failure"]
          .contains("resetsAt"));
}

TEST(ReportTest, WhatIsCutIsMarked) {
  v1::ListTellsResponse tells;
  v1::TellSummary& tell = *tells.add_tells();
  tell.set_state(v1::TellSummary::SETTLED);
  tell.set_preview("all of it");
  tell.set_answer_preview("yes");
  tell.set_answer_bytes(3);
  *tell.mutable_failure() = ToProto(MakeFailure(v1::FAILURE_CLAUDE_MISSING, "short", "fix it"));
  const auto first = [&tells] { return Json::parse(TellsJson(tells))["tells"][0]; };
  EXPECT_EQ(first()["messageTruncated"], false);
  EXPECT_EQ(first()["answerTruncated"], false);
  EXPECT_EQ(first()["failure"]["truncated"], false);

  tell.set_preview(std::string(118, 'x'));  // Before a character of 3 bytes.
  tell.set_answer_preview(std::string(120, 'y'));
  tell.set_answer_bytes(121);
  tell.mutable_failure()->set_detail(std::string(195, 'z') + "…");
  EXPECT_EQ(first()["messageTruncated"], true);
  EXPECT_EQ(first()["answerTruncated"], true);
  EXPECT_EQ(first()["failure"]["truncated"], true);
}

TEST(ReportTest, AnAnswerIsUnreadUntilItIsRead) {
  v1::ListTellsResponse tells;
  v1::TellSummary& tell = *tells.add_tells();
  tell.set_tell_id("98f5e69d-0000-4000-8000-000000000000");
  tell.set_state(v1::TellSummary::SETTLED);
  tell.set_answer_preview("yes");
  EXPECT_NE(TellsText(tells, 0, {}).find("  unread  "), std::string::npos);
  tell.set_fetched(true);
  const std::string text = TellsText(tells, 0, {});
  EXPECT_NE(text.find("  read  "), std::string::npos) << text;
  EXPECT_EQ(text.find("settled"), std::string::npos) << text;
}

TEST(ReportTest, MessagesHaveALineEachThatFitsTheScreen) {
  v1::ListTellsResponse tells;
  v1::TellSummary& tell = *tells.add_tells();
  tell.set_tell_id("98f5e69d-0000-4000-8000-000000000000");
  tell.set_from("somebody@a-host-with-a-name");
  tell.set_to("gpu");
  tell.set_state(v1::TellSummary::RUNNING);
  tell.set_preview(std::string(60, 'm'));
  tell.mutable_progress()->set_text("the host is out of reach, trying again: " +
                                    std::string(60, 'x'));
  for (const size_t columns : {80u, 120u}) {
    const std::string text = TellsText(tells, 0, {.columns = columns});
    const std::string line = text.substr(text.find('\n') + 1);
    EXPECT_EQ(line.substr(0, 10), "98f5e69d  ") << "an id is cut last";
    EXPECT_LE(ColumnsOf(line.substr(0, line.size() - 1)), columns) << line;
  }
}

TEST(ReportTest, TeamsHaveALineEach) {
  v1::ListTeamsResponse teams;
  v1::TeamInfo& gpu = *teams.add_teams();
  gpu.set_name("gpu");
  gpu.set_path("/mnt/ml");
  gpu.set_remote("ssh -J bastion ml@gpu1");
  gpu.set_description("8 GPUs, " + std::string(100, 'x'));
  v1::GetStatusResponse status;
  const std::string text = TeamsText(teams, status, {});
  EXPECT_EQ(text.substr(0, text.find("8 GPUs")),
            "TEAM  HOST                STATE  DESCRIPTION\ngpu   -J bastion ml@gpu1  -      ");
  EXPECT_LE(text.size() - text.find("gpu "), 84u) << "cut at 80 columns";
  const std::string whole = TeamsText(teams, status, {.long_form = true});
  EXPECT_NE(whole.find(std::string(100, 'x')), whole.npos);
  EXPECT_NE(whole.find("/mnt/ml"), whole.npos);
}

}  // namespace
}  // namespace iris
