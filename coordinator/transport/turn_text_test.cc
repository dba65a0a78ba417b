#include "coordinator/transport/turn_text.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;

json Text(const std::string& text) { return {{"type", "text"}, {"text", text}}; }

std::string Assistant(const std::vector<json>& blocks) {
  return json({{"type", "assistant"},
               {"message", {{"content", blocks}}},
               {"parent_tool_use_id", nullptr}})
      .dump();
}

std::string Result(const std::string& text) {
  return json({{"type", "result"}, {"subtype", "success"}, {"result", text}}).dump();
}

// The answer of a turn of these lines, fed in pieces of `piece` bytes.
std::string AnswerOf(const std::vector<std::string>& lines, size_t piece = 1000) {
  TurnText turn;
  turn.Begin();
  std::string answer;
  for (const std::string& line : lines) {
    for (size_t at = 0; at + piece < line.size(); at += piece) {
      answer += turn.Feed(line.substr(at, piece), false);
    }
    const size_t tail = line.empty() ? 0 : (line.size() - 1) / piece * piece;
    answer += turn.Feed(line.substr(tail), true);
  }
  EXPECT_EQ(turn.broken(), "");
  return answer + turn.Finish();
}

TEST(TurnTextTest, AllTextBlocksCountAndThinkingDoesNot) {
  EXPECT_EQ(
      AnswerOf({Assistant({{{"type", "thinking"}, {"thinking", "hm"}}}), Assistant({Text("one")}),
                Assistant({{{"type", "tool_use"}, {"name", "Bash"}}}),
                Assistant({Text("two"), Text("three")}), Result("three")}),
      "one\n\ntwo\n\nthree");
}

TEST(TurnTextTest, ATurnWithoutTextBlocksAnswersWithItsResult) {
  EXPECT_EQ(AnswerOf({Result("Total cost: $0")}), "Total cost: $0");
}

TEST(TurnTextTest, WhatSubAgentsSayIsNotTheAnswer) {
  const std::string inner = json({{"type", "assistant"},
                                  {"message", {{"content", json::array({Text("inner")})}}},
                                  {"parent_tool_use_id", "toolu_1"}})
                                .dump();
  EXPECT_EQ(AnswerOf({inner, Assistant({Text("outer")}), Result("outer")}), "outer");
}

TEST(TurnTextTest, MultiByteTextSurvivesAnyCut) {
  const std::string text = "日本語 — émoji 🙂 \" \\ \n end";
  const std::string line = Assistant({Text(text)});
  for (size_t piece = 1; piece < 20; ++piece)
    EXPECT_EQ(AnswerOf({line, Result(text)}, piece), text);
}

TEST(TurnTextTest, NoiseIsSkipped) {
  EXPECT_EQ(
      AnswerOf({"", "42", "null", "[1]", "not json", "{\"type\":7}", "{\"type\":\"assistant\"}",
                R"({"type":"assistant","message":{"content":"text"}})", Assistant({Text("a")})}),
      "a");
}

TEST(TurnTextTest, ATruncatedAssistantLineIsSaidAndForgottenByTheNextTurn) {
  TurnText turn;
  turn.Begin();
  EXPECT_EQ(turn.Feed("{\"type\":\"assistant\",\"mess", true), "");
  EXPECT_NE(turn.broken(), "");
  turn.Begin();
  EXPECT_EQ(turn.broken(), "");
}

}  // namespace
}  // namespace iris
