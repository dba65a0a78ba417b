#include "common/request/request_text.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

v1::PendingRequest Asking(const std::string& asked) {
  v1::PendingRequest request;
  request.set_subtype("can_use_tool");
  request.set_json(absl::StrCat(R"({"type":"control_request","request":)", asked, "}"));
  return request;
}

TEST(RequestTextTest, SaysWhatWouldBeDone) {
  EXPECT_EQ(RequestText(Asking(
                R"({"tool_name":"Bash","input":{"command":"rm x"},"description":"Tidies up"})")),
            "Bash: rm x");
  EXPECT_EQ(RequestText(Asking(R"({"tool_name":"Read","input":{},"description":"Reads"})")),
            "Read: Reads");
  EXPECT_EQ(RequestText(Asking(R"({"tool_name":"Edit","input":{"file":"x"}})")),
            R"(Edit: {"file":"x"})");
}

TEST(RequestTextTest, TakesWhateverComes) {
  EXPECT_EQ(RequestText(Asking(R"([{"tool_name":7}])")), "can_use_tool");
  EXPECT_EQ(RequestText(Asking("{")), "can_use_tool");
  EXPECT_EQ(RequestText(v1::PendingRequest()), "");
  EXPECT_EQ(RequestText(Asking(R"({"tool_name":")" + std::string(1000, 'x') + R"("})")).size(),
            200u);
  EXPECT_EQ(RequestInput(Asking("{")), "");
}

TEST(RequestTextTest, TheInputIsShownInItsOwnOrder) {
  EXPECT_EQ(RequestInput(Asking(R"({"input":{"b":1,"a":"x"}})")), "{\n  \"b\": 1,\n  \"a\": \"x\"\n}");
}

}  // namespace
}  // namespace iris
