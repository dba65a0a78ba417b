#include "coordinator/mcp/message.h"

#include <set>
#include <string>

#include "common/base/ids.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using Kind = McpIncoming::Kind;

void ExpectBad(const std::string& text, int code, const Json& id) {
  const McpIncoming bad = ParseMcp(text);
  EXPECT_EQ(bad.kind, Kind::kBad) << text;
  EXPECT_EQ(bad.error_code, code) << text;
  EXPECT_EQ(bad.id, id) << text;
  EXPECT_NE(bad.error, "") << text;
}

TEST(McpMessageTest, ARequestKeepsTheTypeOfItsId) {
  const McpIncoming number = ParseMcp(R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
  EXPECT_EQ(number.kind, Kind::kRequest);
  EXPECT_EQ(number.id, Json(1));
  EXPECT_EQ(number.method, "ping");
  EXPECT_EQ(number.params, Json::object());
  const McpIncoming text =
      ParseMcp(R"({"id":"1","params":{"a":[1]},"method":"ping","jsonrpc":"2.0"})");
  EXPECT_EQ(text.id, Json("1"));
  EXPECT_EQ(text.params, Json({{"a", {1}}}));
}

TEST(McpMessageTest, NotificationsAndResponsesAreToldApart) {
  EXPECT_EQ(ParseMcp(R"({"jsonrpc":"2.0","method":"notifications/initialized"})").kind,
            Kind::kNotification);
  EXPECT_EQ(ParseMcp(R"({"jsonrpc":"2.0","id":7,"result":{}})").kind, Kind::kResponse);
  EXPECT_EQ(ParseMcp(R"({"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"x"}})").kind,
            Kind::kResponse);
}

TEST(McpMessageTest, WhatIsNoJsonIsAParseErrorAndKeepsAnIdThatCanBeRead) {
  for (const char* text : {"", "{", "nonsense", "\xff\xfe", R"({"id":1)"}) {
    ExpectBad(text, kParseError, nullptr);
  }
  for (const char* text : {R"({"id":1,})", R"({"id":1} {})",
                           R"({"method":"x","params":{"a":NaN},"jsonrpc":"2.0","id":1})"}) {
    ExpectBad(text, kParseError, 1);
  }
}

TEST(McpMessageTest, HalfACharacterIsReadAsU_FFFD) {
  for (const char* half : {R"(\ud83d)", R"(\ude80)", "\xFF", "\xED\xA0\xBD"}) {
    const McpIncoming request =
        ParseMcp(R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"cut )" + std::string(half) +
                 R"( end"}})");
    EXPECT_EQ(request.kind, Kind::kRequest) << half;
    EXPECT_EQ(request.id, Json(1)) << half;
    EXPECT_THAT(request.params.value("a", ""), ::testing::StartsWith("cut \xEF\xBF\xBD")) << half;
  }
  EXPECT_EQ(ParseMcp(R"({"jsonrpc":"2.0","id":1,"method":"\ud83d\ude80"})").method, "🚀");
}

TEST(McpMessageTest, ParamsThatAreNullOrEmptyTextAreNotGiven) {
  for (const char* params : {"null", "\"\""}) {
    const McpIncoming request = ParseMcp(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":)" +
                                         std::string(params) + "}");
    EXPECT_EQ(request.kind, Kind::kRequest);
    EXPECT_EQ(request.params, Json::object());
  }
}

TEST(McpMessageTest, ABatchHasItsMembersEachAsItIs) {
  const McpIncoming batch =
      ParseMcp(R"([{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"},7,[]])");
  EXPECT_EQ(batch.kind, Kind::kBatch);
  ASSERT_EQ(batch.members.size(), 4u);
  EXPECT_EQ(batch.members[0].id, Json(1));
  EXPECT_EQ(batch.members[1].kind, Kind::kNotification);
  EXPECT_EQ(batch.members[2].kind, Kind::kBad);
  EXPECT_EQ(batch.members[3].kind, Kind::kBad);

  std::string many = "[1";
  for (size_t i = 1; i < kMcpBatchMax; ++i) many += ",1";
  EXPECT_EQ(ParseMcp(many + "]").members.size(), kMcpBatchMax);
  ExpectBad(many + ",1]", kInvalidRequest, nullptr);
}

TEST(McpMessageTest, AMembersIdIsAUuidOfItsOwnAndAlwaysTheSame) {
  const std::string id = NewUuid();
  std::set<std::string> ids = {id};
  for (size_t i = 0; i < kMcpBatchMax; ++i) {
    const std::string member = McpMemberId(id, i);
    EXPECT_TRUE(IsUuid(member)) << member;
    EXPECT_EQ(member, McpMemberId(id, i));
    ids.insert(member);
  }
  EXPECT_EQ(ids.size(), kMcpBatchMax + 1);
}

TEST(McpMessageTest, WhatIsNoJsonRpcIsAnInvalidRequestAndKeepsAnIdThatIsFit) {
  ExpectBad("[]", kInvalidRequest, nullptr);
  ExpectBad("7", kInvalidRequest, nullptr);
  ExpectBad(R"({"id":1,"method":"ping"})", kInvalidRequest, 1);
  ExpectBad(R"({"jsonrpc":"1.0","id":"a","method":"ping"})", kInvalidRequest, "a");
  ExpectBad(R"({"jsonrpc":"2.0","id":1})", kInvalidRequest, 1);
  ExpectBad(R"({"jsonrpc":"2.0","id":1,"method":3})", kInvalidRequest, 1);
  ExpectBad(R"({"jsonrpc":"2.0","id":null,"method":"ping"})", kInvalidRequest, nullptr);
  ExpectBad(R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})", kInvalidRequest, nullptr);
  ExpectBad(R"({"jsonrpc":"2.0","id":{},"method":"ping"})", kInvalidRequest, nullptr);
  ExpectBad(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})", kInvalidParams, 1);
}

TEST(McpMessageTest, DeepNestingIsRefusedHoweverMuchThereIsOfIt) {
  const auto nested = [](size_t depth) {
    return R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"a":)" + std::string(depth, '[') +
           std::string(depth, ']') + "}}";
  };
  EXPECT_EQ(ParseMcp(nested(50)).kind, Kind::kRequest);
  ExpectBad(nested(80), kInvalidRequest, 1);
  ExpectBad(std::string(kMcpMessageBytesMax, '['), kInvalidRequest, nullptr);
}

TEST(McpMessageTest, ManyMembersAreRefusedHoweverManyThereAre) {
  const auto wide = [](size_t members) {
    std::string text = R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"a":[{},{"k":0}])";
    for (size_t i = 1; i < members; ++i) text += ",\"" + std::to_string(i) + "\":null";
    return text + "}}";
  };
  EXPECT_EQ(ParseMcp(wide(kMcpMembersMax)).params.size(), kMcpMembersMax);
  ExpectBad(wide(kMcpMembersMax + 1), kInvalidRequest, 1);
  ExpectBad(wide(1'000'000), kInvalidRequest, 1);
}

TEST(McpMessageTest, OursAreOnOneLine) {
  EXPECT_EQ(McpResult("a", {{"text", "1\n2"}}),
            R"({"jsonrpc":"2.0","id":"a","result":{"text":"1\n2"}})");
  EXPECT_EQ(McpError(nullptr, kParseError, "no\xFF"),
            "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"no�\"}}");
  EXPECT_EQ(McpNotification("notifications/x", {{"a", 1}}),
            R"({"jsonrpc":"2.0","method":"notifications/x","params":{"a":1}})");
}

}  // namespace
}  // namespace iris
