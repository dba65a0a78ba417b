#include "agent/claude/api_error.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/failure/agent_fix.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

absl::string_view FixFor(const std::string& result, absl::string_view text) {
  return FixForApiError(ParsePeerJson(result), text);
}

TEST(ApiErrorTest, TheStatusDecidesWhatToDo) {
  const auto fix_for = [](int status) {
    return FixFor(absl::StrCat(R"({"api_error_status":)", status, "}"), "API Error: words");
  };
  EXPECT_EQ(fix_for(400), kFixApiRefused);
  EXPECT_EQ(fix_for(422), kFixApiRefused);
  EXPECT_EQ(fix_for(401), kFixApiLogin);
  EXPECT_EQ(fix_for(403), kFixApiLogin);
  EXPECT_EQ(fix_for(404), kFixApiModel);
  EXPECT_EQ(fix_for(413), kFixApiTooLarge);
  EXPECT_EQ(fix_for(429), kFixApiBusy);
  EXPECT_EQ(fix_for(529), kFixApiBusy);
  EXPECT_EQ(fix_for(500), kFixApiFailed);
  EXPECT_EQ(fix_for(503), kFixApiFailed);
  EXPECT_EQ(fix_for(200), "");
}

TEST(ApiErrorTest, AnOlderClaudeHasItInItsWords) {
  EXPECT_EQ(FixFor("{}", "API Error: 529 {\"type\":\"error\"}"), kFixApiBusy);
  EXPECT_EQ(FixFor("{}", "It failed. API Error: 400"), kFixApiRefused);
  EXPECT_EQ(FixFor("{}", "API Error: 5000 things"), "");
  EXPECT_EQ(FixFor("{}", "API Error: "), "");
}

TEST(ApiErrorTest, WhereTheApiDidNotAnswerTheWayToItIsToBeMended) {
  constexpr char kResult[] = R"({"terminal_reason":"api_error","api_error_status":null})";
  EXPECT_EQ(FixFor(kResult, "API Error: Connection error."), kFixApiUnreached);
  EXPECT_EQ(FixFor(kResult, "Unable to connect to API (ECONNREFUSED)"), kFixApiUnreached);
  EXPECT_EQ(FixFor(kResult, "something else"), "");
}

TEST(ApiErrorTest, OtherErrorsAreNotTheApis) {
  EXPECT_EQ(FixFor(R"({"subtype":"error_during_execution"})", "the connection of a tool"), "");
  EXPECT_EQ(FixFor("no json", "reached max turns"), "");
  EXPECT_EQ(FixFor(R"({"api_error_status":"400"})", "x"), "");
}

}  // namespace
}  // namespace iris
