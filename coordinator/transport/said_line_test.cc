#include "coordinator/transport/said_line.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The line in pieces of `piece` bytes.
SaidLine Read(absl::string_view line, size_t piece = 1 << 20) {
  std::vector<std::string> pieces;
  for (; !line.empty(); line.remove_prefix(std::min(piece, line.size()))) {
    pieces.emplace_back(line.substr(0, piece));
  }
  return ReadSaidLine(std::move(pieces), /*with_result=*/true);
}

std::string Repeat(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(SaidLineTest, TextBlocksInOrderWhateverTheOrderOfTheirMembers) {
  const SaidLine line = Read(
      R"({"uuid":"u","message":{"content":[{"text":"one","type":"text"},{"type":"tool_use","input":
      {"type":"text","text":"no"},"text":"no"},{"type":"text"},{"type":"text","text":7},
      {"type":"text","citations":[{"type":"x"}],"text":"two"}],"role":"assistant"},
      "parent_tool_use_id":null,"type":"assistant"})");
  EXPECT_EQ(line.type, "assistant");
  EXPECT_FALSE(line.by_sub_agent);
  EXPECT_THAT(line.texts, ElementsAre("one", "two"));
}

TEST(SaidLineTest, ContentThatIsAPlainStringIsText) {
  EXPECT_THAT(Read(R"({"type":"assistant","message":{"content":"all of it"}})").texts,
              ElementsAre("all of it"));
}

TEST(SaidLineTest, WhatOnlyLooksLikeContentIsNone) {
  for (const char* line :
       {R"({"type":"assistant","content":[{"type":"text","text":"x"}]})",
        R"({"type":"assistant","message":[{"content":"x"}]})",
        R"({"type":"assistant","message":{"message":{"content":"x"}}})",
        R"({"type":"assistant","message":{"content":[[{"type":"text","text":"x"}]]}})",
        R"([{"type":"assistant","message":{"content":"x"}}])", R"({"type":"assistant"})", "[]", "7",
        "null", "\"text\""}) {
    EXPECT_THAT(Read(line).texts, IsEmpty()) << line;
  }
}

TEST(SaidLineTest, StructuredOutputComesBackAsTheSameJson) {
  const json output = {{"n", -1},
                       {"big", 18446744073709551615u},
                       {"f", 0.5},
                       {"t", true},
                       {"z", nullptr},
                       {"s", "a \"b\" \\ \n ü \u0001"},
                       {"a", {1, {{"b", json::array()}}, json::object()}}};
  for (const json& value : {output, json("text"), json(7), json(false), json::array({1, 2})}) {
    const SaidLine line = Read(
        json({{"type", "result"}, {"structured_output", value}, {"after", {{"x", 1}}}}).dump());
    EXPECT_EQ(json::parse(line.structured), value);
  }
  EXPECT_EQ(Read(R"({"type":"result","structured_output":null})").structured, "");
  EXPECT_EQ(Read(R"({"type":"result","result":"r"})").structured, "");
}

TEST(SaidLineTest, WhatNestsTooDeepIsPassedOverAndTheRestIsThere) {
  const std::string deep = Repeat("[", 100'000) + Repeat("]", 100'000);
  EXPECT_THAT(Read(R"({"type":"assistant","message":{"content":[{"type":"tool_use","input":)" +
                   deep + R"(},{"type":"text","text":"said"}]}})")
                  .texts,
              ElementsAre("said"));
  const SaidLine line = Read(R"({"type":"result","structured_output":{"a":1,"deep":)" + deep +
                             R"(,"b":2},"result":"r"})");
  EXPECT_EQ(line.result, "r");
  const json structured = json::parse(line.structured);
  EXPECT_EQ(structured["a"], 1);
  EXPECT_EQ(structured["b"], 2);
}

// An attack: 92 bytes of memory for each byte of the line, where every value is kept.
TEST(SaidLineTest, AMillionsOfBracketsCostNoMoreThanTheLine) {
  std::string line = Repeat("[", 16'000'000);
  const auto peak_kib = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const long before = peak_kib();
  EXPECT_EQ(Read(line).type, "");
  line = R"({"x":[)" + Repeat("{},", 2'000'000) + R"(0],"type":"result"})";
  EXPECT_EQ(Read(line).type, "result");
  EXPECT_LT(peak_kib() - before, 100 << 10);
}

TEST(SaidLineTest, HalfACharacterDoesNotCostTheWhole) {
  const auto said = [](const std::string& text) {
    return Read(absl::StrCat(R"({"type":"assistant","message":{"content":")", text, R"("}})"))
        .texts;
  };
  EXPECT_THAT(said(R"(cut \ud83d here)"), ElementsAre("cut \uFFFD here"));
  EXPECT_THAT(said(R"(\ude00\ud83d\ude00\ud83d\ud83d\ude00)"),
              ElementsAre("\uFFFD\U0001F600\uFFFD\U0001F600"));
  EXPECT_THAT(said(R"(\\ud83d \ud83d)"), ElementsAre("\\ud83d \uFFFD"));
  EXPECT_THAT(said("b\xFF\xC3"), ElementsAre("b\uFFFD\uFFFD"));
}

TEST(SaidLineTest, AToolIsNamedWithWhatSaysMostOfItsInput) {
  const SaidLine line = Read(
      R"({"type":"assistant","message":{"content":[{"type":"text","text":"I look."},
      {"name":"Read","type":"tool_use","input":{"file_path":"/a"}},
      {"type":"tool_use","input":{"description":"run them","command":"npm test","deep":{"command":"no"},
       "timeout":5},"name":"Bash"}]}})");
  EXPECT_EQ(line.tools, 2u);
  EXPECT_EQ(line.last_tool, (SaidTool{"Bash", "npm test"}));
  EXPECT_THAT(line.texts, ElementsAre("I look."));
  const SaidLine bare = Read(
      R"({"type":"assistant","message":{"content":[{"type":"tool_use","name":"X","input":[1]}]}})");
  EXPECT_EQ(bare.last_tool, (SaidTool{"X", ""}));
}

TEST(SaidLineTest, ToolsAndTheirInputAreCutWithWholeCharacters) {
  const SaidLine line = Read(
      absl::StrCat(R"({"type":"assistant","message":{"content":[{"type":"tool_use","name":")",
                   Repeat("ż", 500), R"(","input":{"command":")", Repeat("世", 5000), R"("}}]}})"));
  EXPECT_LE(line.last_tool.name.size(), 100u);
  EXPECT_LE(line.last_tool.input.size(), 200u);
  EXPECT_NE(json(line.last_tool.name + line.last_tool.input).dump(), "");  // UTF-8, or it throws.
}

TEST(SaidLineTest, AResultLineSaysWhatTheTurnCostAndWhatItWasDenied) {
  const SaidLine line = Read(
      R"({"type":"result","duration_ms":4250,"total_cost_usd":0.08421,"usage":{"input_tokens":3,
      "cache_creation_input_tokens":40,"cache_read_input_tokens":500,"output_tokens":7,
      "server_tool_use":{"input_tokens":9}},"modelUsage":{"m":{"output_tokens":1}},
      "permission_denials":[{"tool_name":"Bash","tool_use_id":"t","tool_input":{"command":"rm x"}},
      7,{"tool_input":{"file_path":"/b"},"tool_name":"Write"}]})");
  EXPECT_EQ(line.cost_micro_usd, 84'210);
  EXPECT_EQ(line.duration_ms, 4250);
  EXPECT_EQ(line.input_tokens, 543);
  EXPECT_EQ(line.output_tokens, 7);
  EXPECT_EQ(line.denials, 2u);
  EXPECT_THAT(line.denied, ElementsAre(SaidTool{"Bash", "rm x"}, SaidTool{"Write", "/b"}));
}

TEST(SaidLineTest, WhatAResultLineDoesNotSayOrSaysOddlyIsBounded) {
  const SaidLine none = Read(R"({"type":"result","usage":7,"permission_denials":{"a":1}})");
  EXPECT_LT(none.cost_micro_usd, 0);
  EXPECT_LT(none.input_tokens, 0);
  EXPECT_EQ(none.denials, 0u);
  const SaidLine odd = Read(absl::StrCat(
      R"({"total_cost_usd":1e300,"duration_ms":-5,"usage":{"output_tokens":18446744073709551615},)",
      R"("permission_denials":[)", Repeat(R"({"tool_name":"B"},)", 10'000),
      R"({}],"type":"result"})"));
  EXPECT_EQ(odd.cost_micro_usd, 1'000'000'000'000'000);
  EXPECT_EQ(odd.duration_ms, 0);
  EXPECT_EQ(odd.output_tokens, 1'000'000'000'000'000);
  EXPECT_EQ(odd.denials, 10'001u);
  EXPECT_EQ(odd.denied.size(), SaidLine::kDeniedMax);
}

TEST(SaidLineTest, ALineSaysTheSameHoweverItIsCut) {
  const std::string line =
      R"({"message":{"content":[{"type":"text","text":"é\n\u00e9\ud83d\ude80🙂"},{"type":"tool_use",)"
      R"("input":{"command":"a\tb"},"name":"Bash"}],"model":"m"},"total_cost_usd":1.25e0,)"
      R"("structured_output":{"k\u0041":[true,-1.5,"\/"]},"type":"assistant"})";
  for (size_t piece = 1; piece <= line.size(); ++piece) {
    const SaidLine said = Read(line, piece);
    EXPECT_THAT(said.texts, ElementsAre("é\né🚀🙂")) << piece;
    EXPECT_EQ(said.last_tool, (SaidTool{"Bash", "a\tb"})) << piece;
    EXPECT_EQ(said.cost_micro_usd, 1'250'000) << piece;
    EXPECT_EQ(said.structured, R"({"kA":[true,-1.5,"/"]})") << piece;
    EXPECT_EQ(said.type, "assistant") << piece;
  }
}

// JSON has no bounds for numbers.
TEST(SaidLineTest, ANumberThatFitsNowhereCostsNothingElse) {
  const SaidLine line =
      Read(R"({"type":"assistant","duration_ms":1e999,"message":{"content":"said"},"x":-1e999})");
  EXPECT_THAT(line.texts, ElementsAre("said"));
  EXPECT_EQ(line.duration_ms, 1'000'000'000'000'000);
}

TEST(SaidLineTest, AResultThatIsNotWantedIsLeftOut) {
  const SaidLine line =
      ReadSaidLine({R"({"type":"result","result":"long","duration_ms":7})"}, /*with_result=*/false);
  EXPECT_EQ(line.result, "");
  EXPECT_EQ(line.duration_ms, 7);
}

}  // namespace
}  // namespace iris
