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
  EXPECT_EQ(RequestInput(Asking(R"({"input":{"a":)" + std::string(100'000, '['))), "");
  EXPECT_EQ(RequestText(Asking(R"({"tool_name":"T","input":)" + std::string(100, '[') +
                               std::string(100, ']') + "}")),
            "can_use_tool");
  EXPECT_EQ(RequestInput(Asking("{")), "");
}

TEST(RequestTextTest, NothingIsPushedOutOfSightWithoutASign) {
  const std::string blanks(300, ' '), long_words(300, 'x');
  EXPECT_EQ(RequestText(Asking(R"({"tool_name":"Bash","input":{"command":"echo )" + blanks +
                               R"(\n; rm -rf ~"}})")),
            "Bash: echo ; rm -rf ~");
  const std::string cut =
      RequestText(Asking(R"({"tool_name":"Bash","input":{"command":")" + long_words + R"("}})"));
  EXPECT_EQ(cut.size(), 200u);
  EXPECT_EQ(cut.substr(197), "…");
  // Whole characters: ü is two bytes.
  std::string umlauts;
  for (int i = 0; i < 300; ++i) umlauts += "ü";
  const std::string text = RequestText(Asking(R"({"tool_name":")" + umlauts + R"("})"));
  EXPECT_LE(text.size(), 200u);
  EXPECT_EQ(text.substr(text.size() - 5), "ü…");
}

TEST(RequestTextTest, AnIdIsWhatCanBeTyped) {
  EXPECT_TRUE(IsRequestId("0a-Z_9"));
  EXPECT_TRUE(IsRequestId(std::string(64, 'a')));
  for (const std::string& id : {std::string(), std::string(65, 'a'), std::string("a b"),
                                std::string("x;ls"), std::string("\x1b[2J"), std::string("ü")}) {
    EXPECT_FALSE(IsRequestId(id)) << id;
  }
}

TEST(RequestTextTest, ALongInputIsNotMadeLonger) {
  std::string numbers = "[1";
  for (int i = 0; i < 100'000; ++i) numbers += ",1";
  EXPECT_LE(RequestInput(Asking(R"({"input":[)" + numbers + "]]}")).size(), 210'000u);
}

TEST(RequestTextTest, TheInputIsShownInItsOwnOrder) {
  EXPECT_EQ(RequestInput(Asking(R"({"input":{"b":1,"a":"x"}})")),
            "{\n  \"b\": 1,\n  \"a\": \"x\"\n}");
}

}  // namespace
}  // namespace iris
