#include "coordinator/mcp/message.h"

#include <string>

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

TEST(McpMessageTest, WhatIsNoJsonIsAParseErrorWithoutAnId) {
  for (const char* text : {"", "{", "nonsense", "{\"id\":1,}", "{\"id\":1} {}",
                           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xFF\"}"}) {
    ExpectBad(text, kParseError, nullptr);
  }
}

TEST(McpMessageTest, WhatIsNoJsonRpcIsAnInvalidRequestAndKeepsAnIdThatIsFit) {
  ExpectBad("[]", kInvalidRequest, nullptr);
  ExpectBad(R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])", kInvalidRequest, nullptr);
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
  ExpectBad(nested(80), kInvalidRequest, nullptr);
  ExpectBad(std::string(kMcpMessageBytesMax, '['), kInvalidRequest, nullptr);
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
