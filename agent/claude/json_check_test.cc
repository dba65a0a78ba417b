#include "agent/claude/json_check.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

bool IsObject(absl::string_view text, size_t piece = 1 << 20) {
  JsonCheck check;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    check.Feed(text.substr(0, piece));
  }
  return check.IsObject();
}

constexpr char kLine[] =
    R"( {"type":"assistant","n":[0,-1,2.50,1e9,-0.1E-2,[],{}],"t":true,"f":false,"z":null,)"
    R"("s":"a \"b\" \\ \/ \b\f\n\r\t \u00e9","o":{"a":[{"b":"}"}]}} )";

TEST(JsonCheckTest, AnObjectIsOneHoweverItIsCut) {
  for (size_t piece = 1; piece < sizeof(kLine); ++piece) EXPECT_TRUE(IsObject(kLine, piece));
}

TEST(JsonCheckTest, OtherValuesAreNone) {
  for (const char* text :
       {"", " ", "[]", "7", "\"{}\"", "null", "{} {}", "{}x", "{", "}", "{]", "x{}"}) {
    EXPECT_FALSE(IsObject(text)) << text;
  }
}

TEST(JsonCheckTest, CutAnywhereItIsNone) {
  const absl::string_view line = kLine;
  for (size_t size = 0; size < line.rfind('}'); ++size)
    EXPECT_FALSE(IsObject(line.substr(0, size)));
}

// What is valid with a line written into the middle was valid by luck: none is.
TEST(JsonCheckTest, WithAnotherLineInItsMiddleItIsNone) {
  const std::string line =
      R"({"type":"result","subtype":"success","is_error":false,"result":"the text","n":[1,{"a":2}]})";
  for (size_t at = 1; at < line.size(); ++at) {
    std::string torn = line;
    torn.insert(at, R"({"type":"system","subtype":"x","n":[{}]})");
    EXPECT_EQ(IsObject(torn), nlohmann::json::accept(torn)) << torn;
    EXPECT_FALSE(IsObject(torn)) << torn;
  }
}

// `text` with what is JSON to the grammar, and not to a parser that reads it: a number that no
// double holds, and half a character. Digits of exponents and of \u become such that it reads
// them.
std::string Readable(std::string text) {
  const auto is_digit = [&text](size_t at) {
    return at < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[at]));
  };
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') {
      ++i;  // What is escaped.
      for (size_t j = 1; i < text.size() && text[i] == 'u' && j <= 4 && i + j < text.size(); ++j) {
        if (!absl::ascii_isxdigit(static_cast<unsigned char>(text[i + j]))) break;
        text[i + j] = '0';
      }
    }
    if (in_string || (c != 'e' && c != 'E') || i == 0 || !is_digit(i - 1)) continue;
    size_t at = i + 1;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    for (; is_digit(at); ++at) text[at] = '0';
  }
  return text;
}

bool IsObjectByAnother(const std::string& text) {
  const nlohmann::json value = nlohmann::json::parse(Readable(text), nullptr, false);
  return value.is_object();
}

// By the word of another parser.
TEST(JsonCheckTest, AnythingThatIsChangedAtRandomIsJudgedAsByAParser) {
  const std::string bytes = "{}[]\",:\\0123456789.eE+-truefalsn /ux\x01";
  std::mt19937 random(20261129);
  const auto below = [&random](size_t bound) { return random() % bound; };
  int objects = 0, others = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = kLine;
    for (size_t changes = 1 + below(3); changes > 0; --changes) {
      const size_t at = below(text.size());
      switch (below(3)) {
        case 0:
          text[at] = bytes[below(bytes.size())];
          break;
        case 1:
          text.insert(at, 1, bytes[below(bytes.size())]);
          break;
        default:
          text.erase(at, 1 + below(4));
      }
    }
    const bool is_object = IsObjectByAnother(text);
    objects += is_object ? 1 : 0;
    others += is_object ? 0 : 1;
    ASSERT_EQ(IsObject(text, 1 + below(9)), is_object) << text;
  }
  EXPECT_GT(objects, 1'000);
  EXPECT_GT(others, 1'000);
}

TEST(JsonCheckTest, DepthIsBounded) {
  const auto nested = [](size_t depth) {
    return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(IsObject(nested(JsonCheck::kDepthMax - 1)));
  EXPECT_FALSE(IsObject(nested(JsonCheck::kDepthMax)));
}

TEST(JsonCheckTest, ResetForgetsATextThatIsCut) {
  for (const char* cut :
       {R"({"a)", R"({"a\)", R"({"a\u00)", R"({"a":[)", R"({"a":tr)", R"({"a":-)", "x"}) {
    JsonCheck check;
    check.Feed(cut);
    check.Reset();
    check.Feed(kLine);
    EXPECT_TRUE(check.IsObject()) << cut;
  }
}

}  // namespace
}  // namespace iris
