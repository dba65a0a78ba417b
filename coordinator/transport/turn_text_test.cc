#include "coordinator/transport/turn_text.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "coordinator/transport/read_point.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "proto/iris/v1/coordinator.pb.h"

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

TEST(TurnTextTest, WhyTheApiGaveNoAnswerIsNoPartOfOne) {
  const std::string notice =
      json({{"type", "assistant"},
            {"message",
             {{"model", "<synthetic>"},
              {"content", json::array({Text("API Error: 529 overloaded")})}}}})
          .dump();
  TurnText turn;
  turn.Begin();
  EXPECT_EQ(turn.Feed(Assistant({Text("half")}), true), "half");
  EXPECT_EQ(turn.Feed(notice, true), "");
  EXPECT_EQ(AnswerOf({notice, Result("API Error: 529 overloaded")}), "API Error: 529 overloaded");
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

json Tool(const std::string& name, const std::string& command) {
  return {{"type", "tool_use"}, {"name", name}, {"input", {{"command", command}}}};
}

std::string Paid(double total_usd, const json& denials = json::array()) {
  return json({{"type", "result"},
               {"subtype", "success"},
               {"result", ""},
               {"total_cost_usd", total_usd},
               {"duration_ms", 1200},
               {"usage", {{"input_tokens", 10}, {"output_tokens", 25}}},
               {"permission_denials", denials}})
      .dump();
}

v1::TurnAccount AccountOf(const TurnText& turn) {
  v1::TurnAccount account;
  EXPECT_TRUE(turn.account() != nullptr && account.ParseFromString(*turn.account()));
  return account;
}

TEST(TurnTextTest, ATurnCostsWhatItsChildHasSpentSinceTheOneBefore) {
  TurnText turn;
  turn.BeginChild();
  for (const int64_t cost : {500'000, 250'000}) {
    turn.Begin();
    EXPECT_EQ(turn.account(), nullptr);
    turn.Feed(Assistant({Tool("Bash", "ls"), Tool("Bash", "pwd")}), true);
    turn.Feed(Assistant({Tool("Read", "x")}), true);
    turn.Feed(Paid(cost == 500'000 ? 0.5 : 0.75), true);
    const v1::TurnAccount account = AccountOf(turn);
    EXPECT_EQ(account.cost_micro_usd(), cost);
    EXPECT_EQ(account.tools(), 3u);
    EXPECT_EQ(account.duration_ms(), 1200);
    EXPECT_EQ(account.input_tokens(), 10u);
    EXPECT_EQ(account.output_tokens(), 25u);
    EXPECT_EQ(account.denials(), 0u);
  }
  // Another child counts from nothing.
  turn.BeginChild();
  turn.Begin();
  turn.Feed(Paid(0.125), true);
  EXPECT_EQ(AccountOf(turn).cost_micro_usd(), 125'000);
}

TEST(TurnTextTest, WhereALineMayBeMissingNobodyKnowsWhatATurnCost) {
  const auto cost_after = [](const std::function<void(TurnText&)>& loss) {
    TurnText turn;
    turn.BeginChild();
    turn.Begin();
    turn.Feed(Paid(0.5), true);
    loss(turn);
    turn.Begin();
    turn.Feed(Paid(0.75), true);
    const bool first_is_known = AccountOf(turn).has_cost_micro_usd();
    turn.Begin();
    turn.Feed(Paid(1), true);
    EXPECT_EQ(AccountOf(turn).cost_micro_usd(), 250'000);  // Known again.
    return first_is_known;
  };
  EXPECT_TRUE(cost_after([](TurnText&) {}));
  EXPECT_FALSE(cost_after([](TurnText& turn) { turn.MissLines(); }));
  EXPECT_FALSE(cost_after([](TurnText& turn) {
    turn.Feed(R"({"type":"result","total_cost_usd":0.6,"res{"type":"system"}ult":"x"})", true);
  }));
  EXPECT_FALSE(cost_after([](TurnText& turn) {
    turn.Feed(Paid(0.4), true);
    turn.MissLines();
  }));
}

TEST(TurnTextTest, WhatWasDeniedAndSpentIsInTheMark) {
  TurnText turn;
  turn.BeginChild();
  turn.Begin();
  turn.Feed(Assistant({Tool("Bash", "rm x")}), true);
  TurnText next;
  next.Restore(turn.mark());
  const json denial = {{"tool_name", "Bash"}, {"tool_input", {{"command", "rm x"}}}};
  next.Feed(Paid(0.5, json::array({denial})), true);
  TurnText last;
  last.Restore(next.mark());
  const v1::TurnAccount account = AccountOf(last);
  EXPECT_EQ(account.tools(), 1u);
  EXPECT_EQ(account.cost_micro_usd(), 500'000);
  ASSERT_EQ(account.denied_size(), 1);
  EXPECT_EQ(account.denied(0).name(), "Bash");
  EXPECT_EQ(account.denied(0).input(), "rm x");
  last.Begin();
  last.Feed(Paid(0.75), true);
  EXPECT_EQ(AccountOf(last).cost_micro_usd(), 250'000);
}

TEST(TurnTextTest, WhatATurnDoesIsItsLastToolAndItsLastWords) {
  TurnText turn;
  turn.Begin();
  EXPECT_EQ(turn.doing(), TurnText::Doing());
  turn.Feed(Assistant({Text("I look.")}), true);
  EXPECT_EQ(turn.doing(), (TurnText::Doing{{}, "I look."}));
  turn.Feed(Assistant({Tool("Bash", "npm test")}), true);
  EXPECT_EQ(turn.doing(), (TurnText::Doing{{"Bash", "npm test"}, "I look."}));
  // A sub-agent's tool is what goes on; its words are not the team's.
  json sub = json::parse(Assistant({Text("inside"), Tool("Grep", "x")}));
  sub["parent_tool_use_id"] = "t";
  turn.Feed(sub.dump(), true);
  EXPECT_EQ(turn.doing(), (TurnText::Doing{{"Grep", "x"}, "I look."}));
  turn.Feed(Assistant({Text(std::string(500, 'a') + " the end")}), true);
  EXPECT_EQ(turn.doing().tool, SaidTool());
  EXPECT_LE(turn.doing().words.size(), 200u);
  EXPECT_TRUE(absl::EndsWith(turn.doing().words, " the end"));
  turn.Begin();
  EXPECT_EQ(turn.doing(), TurnText::Doing());
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

TEST(TurnTextTest, AResultThatRepeatsTheTextIsNotHeld) {
  const std::string text(1 << 20, 'x');
  const std::string result =
      absl::StrCat(R"({"type":"result","result":")", text, R"(","duration_ms":7})");
  const absl::string_view half = absl::string_view(result).substr(0, 1 << 20);
  TurnText turn;
  turn.Begin();
  turn.Feed(half, false);
  EXPECT_EQ(turn.half_bytes(), half.size());  // It may be all that is said.
  turn.DropLine();
  EXPECT_EQ(turn.Feed(Assistant({Text(text)}), true), text);
  turn.Feed(half, false);
  EXPECT_LT(turn.half_bytes(), 100u);
  EXPECT_FALSE(turn.between_lines());
  // Who goes on with the line over another stream has as much of it.
  TurnText next;
  next.Restore(turn.mark(), *turn.half()->First(turn.half_bytes()));
  EXPECT_EQ(next.half_bytes(), turn.half_bytes());
  for (TurnText* const reader : {&turn, &next}) {
    EXPECT_EQ(reader->Feed(absl::string_view(result).substr(half.size()), true), "");
    EXPECT_EQ(AccountOf(*reader).duration_ms(), 7);
    EXPECT_TRUE(reader->outcome().ok());
    size_t structured_bytes = 0;
    EXPECT_EQ(reader->Finish(structured_bytes), "");
  }
}

TEST(TurnTextTest, AResultOfATurnBeforeIsNoneOfTheNext) {
  TurnText turn;
  turn.BeginChild();
  turn.Begin();
  turn.Feed(Assistant({Text("one")}), true);
  turn.Feed(R"({"result":"on)", false);
  turn.Begin();
  EXPECT_TRUE(turn.mark().skips_line);
  EXPECT_EQ(turn.Feed(R"(e","type":"result"})", true), "");
  EXPECT_EQ(turn.account(), nullptr);
  EXPECT_LT(turn.mark().spent_micro_usd, 0);  // Nobody has read what it came to.
  // Of one whose result had not begun there is all.
  turn.Feed(Assistant({Text("two")}), true);
  turn.Feed(R"({"type":"result",)", false);
  turn.Begin();
  turn.Feed(R"("result":"three"})", true);
  size_t structured_bytes = 0;
  EXPECT_EQ(turn.Finish(structured_bytes), "three");
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
