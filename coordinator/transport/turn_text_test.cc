#include "coordinator/transport/turn_text.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "coordinator/transport/read_mark.h"
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
  EXPECT_TRUE(turn.outcome().ok()) << turn.outcome();
  size_t structured_bytes = 0;
  return answer + turn.Finish(structured_bytes);
}

// Beginning of a line, and the rest; another line was written into its middle.
std::string WithAnotherInside(std::string line) {
  return line.insert(line.size() / 2, R"({"type":"rate_limit_event","rate_limit_info":{}})");
}

// How the turn of these lines ends.
absl::Status OutcomeOf(const std::vector<std::string>& lines) {
  TurnText turn;
  turn.Begin();
  for (const std::string& line : lines) turn.Feed(line, true);
  return turn.outcome();
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

TEST(TurnTextTest, AnEmptyTextBlockIsNone) {
  EXPECT_EQ(AnswerOf({Assistant({Text("")}), Result("Total cost: $0")}), "Total cost: $0");
  EXPECT_EQ(AnswerOf({R"({"type":"assistant","message":{"content":""}})", Result("all of it")}),
            "all of it");
  EXPECT_EQ(AnswerOf({Assistant({Text("one"), Text("")}), Assistant({Text("two")}), Result("two")}),
            "one\n\ntwo");
  EXPECT_EQ(AnswerOf({Assistant({Text("")}), Result("")}), "");
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
                "{\"half\": ", "{\"type\":\"user\",\"cut", Assistant({Text("a")})}),
      "a");
}

TEST(TurnTextTest, NothingBetweenTwoPiecesBelongsToTheAnswer) {
  EXPECT_EQ(
      AnswerOf({Assistant({Text("one")}),
                R"({"type":"rate_limit_event","rate_limit_info":{"status":"allowed_warning"}})",
                R"({"type":"system","subtype":"compact_boundary","text":"no"})",
                R"({"type":"tool_progress","content":"no"})", R"({"type":"new_kind","text":"no"})",
                "[]", "7", "plain words", Assistant({{{"type", "text"}}, {{"type", "image"}}}),
                R"({"type":"assistant","message":{"content":"two"},"parent_tool_use_id":null})",
                Assistant({Text("three")}), Result("three")}),
      "one\n\ntwo\n\nthree");
}

TEST(TurnTextTest, StructuredOutputIsTheEndOfTheAnswer) {
  const std::string json_text = R"({"sum":3})";
  const auto result = [](const char* members) {
    return absl::StrCat(R"({"type":"result","subtype":"success",)", members, "}");
  };
  for (const auto& [lines, answer] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{result(R"("structured_output":{"sum":3})")}, json_text},
           {{result(R"("result":"","structured_output":{"sum":3})")}, json_text},
           {{result(R"("result":"{ \"sum\" : 3 }","structured_output":{"sum":3})")}, json_text},
           {{result(R"("result":"three","structured_output":{"sum":3})")}, "three\n\n" + json_text},
           {{Assistant({Text("It is 3.")}),
             result(R"("result":"It is 3.","structured_output":{"sum":3})")},
            "It is 3.\n\n" + json_text}}) {
    TurnText turn;
    turn.Begin();
    std::string text;
    for (const std::string& line : lines) text += turn.Feed(line, true);
    // In another life of the coordinator.
    TurnText next;
    next.Restore(turn.mark());
    size_t structured_bytes = 0;
    text += next.Finish(structured_bytes);
    EXPECT_EQ(text, answer);
    EXPECT_EQ(structured_bytes, json_text.size());
  }
}

TEST(TurnTextTest, TheLastTextIsInTheResultWhereItsOwnLineWasBroken) {
  const std::string broken = WithAnotherInside(Assistant({Text("all of the last text")}));
  EXPECT_EQ(AnswerOf({broken, Result("all of the last text")}), "all of the last text");
  EXPECT_EQ(AnswerOf({Assistant({Text("first")}), broken, Result("all of the last text")}),
            "first\n\nall of the last text");
  EXPECT_EQ(
      AnswerOf({Assistant({Text("first")}),
                R"({"type":"assistant","message":{"content":[{"text":"the l)", Result("the last")}),
      "first\n\nthe last");
}

TEST(TurnTextTest, TextThatNothingHasAnyMoreIsAFailureOfItsOwn) {
  const std::string broken = WithAnotherInside(Assistant({Text("lost")}));
  for (const auto& lines :
       std::vector<std::vector<std::string>>{{broken},
                                             {broken, Assistant({Text("last")}), Result("last")},
                                             {broken, Result("")},
                                             {broken, broken, Result("lost")}}) {
    const absl::Status outcome = OutcomeOf(lines);
    EXPECT_EQ(KindOf(outcome), v1::FAILURE_AMBIGUOUS) << outcome;
  }
}

TEST(TurnTextTest, ALineThatIsTooLongIsAFailureWhereItMayHoldText) {
  const std::string megabyte(1 << 20, 'x');
  const auto outcome_of = [&](absl::string_view head) {
    TurnText turn;
    turn.Begin();
    turn.Feed(head, false);
    for (int i = 0; i < 65; ++i) turn.Feed(megabyte, false);
    turn.Feed("\"}", true);
    EXPECT_TRUE(turn.between_lines());
    EXPECT_EQ(turn.Feed(Assistant({Text("a")}), true), "a");  // The next line counts.
    return turn.outcome();
  };
  const absl::Status too_long = outcome_of(R"({"type":"assistant","message":{"content":")");
  EXPECT_EQ(KindOf(too_long), v1::FAILURE_STORAGE) << too_long;
  EXPECT_TRUE(outcome_of(R"({"type":"user","message":{"content":")").ok());
}

TEST(TurnTextTest, MarksShareALongResult) {
  TurnText turn;
  turn.Begin();
  turn.Feed(Result(std::string(1 << 20, 'x')), true);
  const TurnMark mark = turn.mark();
  turn.Feed("{}", true);
  EXPECT_EQ(turn.mark().end.get(), mark.end.get());
}

TEST(TurnTextTest, ATruncatedAssistantLineIsSaidAndForgottenByTheNextTurn) {
  TurnText turn;
  turn.Begin();
  EXPECT_EQ(turn.Feed("{\"type\":\"assistant\",\"mess", true), "");
  EXPECT_FALSE(turn.outcome().ok());
  turn.Begin();
  EXPECT_TRUE(turn.outcome().ok());
}

}  // namespace
}  // namespace iris
