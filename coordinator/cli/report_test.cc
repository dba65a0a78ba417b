#include "coordinator/cli/report.h"

#include <string>

#include "absl/time/time.h"
#include "common/failure/failure.h"
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
            "fix: \"grantPermission\": \"ask\" in the team's configuration has a person asked "
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
  EXPECT_EQ(printed["failure"]["resets_at_ms"], 1'795'997'982'000);
  EXPECT_FALSE(
      JsonOf({.tell_id = "t", .status = MakeFailure(v1::FAILURE_TIMEOUT, "late")})["failure"]
          .contains("resets_at_ms"));
}

}  // namespace
}  // namespace iris
