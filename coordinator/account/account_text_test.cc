#include "coordinator/account/account_text.h"

#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;

v1::ToolUse Tool(const std::string& name, const std::string& input) {
  v1::ToolUse tool;
  tool.set_name(name);
  tool.set_input(input);
  return tool;
}

v1::TurnAccount Account() {
  v1::TurnAccount account;
  account.set_duration_ms(42'300);
  account.set_tools(3);
  account.set_cost_micro_usd(84'210);
  account.set_input_tokens(1234);
  account.set_output_tokens(567);
  return account;
}

TEST(AccountTextTest, WhatATurnCostIsOneLineAndWhatIsNotKnownIsLeftOut) {
  EXPECT_EQ(CostText(Account()), "42 s, 3 tools, $0.08, 1234 tokens in, 567 out");
  v1::TurnAccount some;
  EXPECT_EQ(CostText(some), "");
  some.set_duration_ms(1300);
  some.set_cost_micro_usd(540);
  some.set_tools(1);
  some.set_output_tokens(2);
  EXPECT_EQ(CostText(some), "1.3 s, 1 tool, $0.0005, 2 tokens out");
  some.set_duration_ms(754'000);
  EXPECT_EQ(CostText(some).substr(0, 11), "12 min 34 s");
}

TEST(AccountTextTest, WhatWasDeniedIsNamedWithTheKeyThatWouldHaveAsked) {
  v1::TurnAccount account;
  EXPECT_EQ(DeniedText(account), "");
  EXPECT_EQ(DeniedFix(account), "");
  account.set_denials(1);
  *account.add_denied() = Tool("Bash", "npm test");
  EXPECT_EQ(DeniedText(account), "1 use of a tool was denied: Bash: npm test.");
  EXPECT_NE(DeniedFix(account).find("\"grantPermission\": \"ask\""), std::string::npos);
  account.set_denials(9);
  *account.add_denied() = Tool("Write", "");
  EXPECT_EQ(DeniedText(account), "9 uses of tools were denied: Bash: npm test; Write; …");
  account.set_asks(true);
  EXPECT_EQ(DeniedFix(account), "");  // A person has said no.
}

TEST(AccountTextTest, AHostsWordsAreOneLineThatNoTerminalObeys) {
  EXPECT_EQ(ToolText(Tool("Bash",
                          "a\nb\tc\033[2Jd\u202Ee\xC2\x9B"
                          "f")),
            "Bash: a b c?[2Jd?e?f");
  EXPECT_EQ(ToolText(Tool("", "")), "");
}

TEST(AccountTextTest, AsJson) {
  v1::TurnAccount account = Account();
  EXPECT_EQ(AccountJson<json>(account), json({{"seconds", 42.3},
                                              {"tools", 3},
                                              {"costUsd", 0.08421},
                                              {"inputTokens", 1234},
                                              {"outputTokens", 567}}));
  account.set_denials(1);
  *account.add_denied() = Tool("Bash", "npm test");
  const json denied = AccountJson<json>(account);
  EXPECT_EQ(denied["denied"], json::parse(R"([{"tool":"Bash","input":"npm test"}])"));
  EXPECT_EQ(denied["denials"], 1);
  EXPECT_TRUE(denied.contains("deniedFix"));
}

}  // namespace
}  // namespace iris
