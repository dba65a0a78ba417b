#include "coordinator/cli/mcp_without.h"

#include <memory>
#include <string>
#include <vector>

#include "common/failure/failure.h"
#include "coordinator/cli/mcp_unsettled.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

class McpWithoutTest : public ::testing::Test {
 protected:
  std::shared_ptr<const McpLine> Say(int id, const std::string& method, const json& params) {
    return lines_.Add(
        json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}.dump());
  }
  // What the client hears, in order.
  std::vector<json> Heard() {
    std::vector<json> heard;
    AnswerWithoutCoordinator(lines_.ToSend(), why_, [&](McpAnswer answer) {
      const bool for_the_client = lines_.Settle(answer.settles, answer.opening);
      if (for_the_client && !answer.json.empty()) heard.push_back(json::parse(answer.json));
    });
    return heard;
  }

  UnsettledLines lines_;
  const absl::Status why_ =
      MakeFailure(v1::FAILURE_BAD_REQUEST, "c.json:3: trailing comma", "Mend it.");
};

TEST_F(McpWithoutTest, ItIsOpenedListsTheToolsAndEveryCallSaysWhy) {
  Say(1, "initialize", {{"protocolVersion", "2025-11-25"}});
  Say(2, "tools/list", json::object());
  Say(3, "tools/call", {{"name", "list_teams"}, {"_meta", {{"progressToken", 1}}}});
  Say(4, "tools/call",
      {{"name", "send_message"},
       {"arguments", {{"toTeam", "app"}, {"fromTeam", "web"}, {"message", "x"}}}});
  const std::vector<json> heard = Heard();
  ASSERT_EQ(heard.size(), 4u);
  EXPECT_THAT(heard[0]["result"]["instructions"].get<std::string>(),
              AllOf(HasSubstr("trailing comma"), HasSubstr("Leave fromTeam out")));
  EXPECT_EQ(heard[1]["result"]["tools"].size(), 10u);
  for (const size_t call : {2, 3}) {
    const json& result = heard[call]["result"];
    EXPECT_EQ(result["isError"], true);
    EXPECT_THAT(result["content"][0]["text"].get<std::string>(),
                AllOf(HasSubstr("c.json:3: trailing comma"), HasSubstr("fix: Mend it.")));
  }
  EXPECT_TRUE(lines_.empty());

  // The client heard of the opening, and it opens every stream from now on.
  Say(5, "ping", json::object());
  const std::vector<json> later = Heard();
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0]["id"], 5);
}

TEST_F(McpWithoutTest, WhatACoordinatorHasStoredIsLeftToBeRefusedAsThat) {
  const auto line = Say(1, "tools/call", {{"name", "list_teams"}});
  lines_.Accept(line->id);
  EXPECT_TRUE(Heard().empty());
  EXPECT_FALSE(lines_.empty());
}

}  // namespace
}  // namespace iris
