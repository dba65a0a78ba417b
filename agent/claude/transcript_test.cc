#include "agent/claude/transcript.h"

#include <sys/stat.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/failure/failure.h"
#include "common/testing/scratch_dir.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = TranscriptTurn::State;

constexpr char kTell[] = "f9b1a2c3-0000-4000-8000-000000000001";
constexpr char kOther[] = "f9b1a2c3-0000-4000-8000-000000000002";

// Lines as claude 2.1.330 writes them, without what says nothing of turns.

std::string Prompt(const std::string& uuid, const std::string& text = "do it") {
  return absl::StrCat(
      R"({"parentUuid":null,"isSidechain":false,"type":"user","message":{"role":"user","content":")",
      text, R"("},"uuid":")", uuid, R"(","promptSource":"sdk"})");
}

std::string Assistant(const std::string& stop_reason, const std::string& block,
                      const std::string& more = "", const std::string& model = "claude-opus-5-5") {
  return absl::StrCat(
      R"({"parentUuid":"p","isSidechain":false,"message":{"id":"msg_1","type":"message",)",
      R"("role":"assistant","model":")", model, R"(","content":[)", block, R"(],"stop_reason":)",
      stop_reason, R"(,"usage":{"input_tokens":1}},"type":"assistant","uuid":"u")", more, "}");
}

std::string Text(const std::string& text) {
  return absl::StrCat(R"({"type":"text","text":")", text, R"("})");
}

std::string Says(const std::string& text, const std::string& stop_reason = "\"end_turn\"") {
  return Assistant(stop_reason, Text(text));
}

std::string Thinks() {
  return Assistant("\"end_turn\"", R"({"type":"thinking","thinking":"hm","signature":"c2ln"})");
}

std::string Calls() {
  return Assistant("\"tool_use\"",
                   R"({"type":"tool_use","id":"toolu_1","name":"Bash","input":{"type":"text"}})");
}

std::string Returns(const std::string& result = "hi") {
  return absl::StrCat(R"({"isSidechain":false,"type":"user","message":{"role":"user","content":[)",
                      R"({"tool_use_id":"toolu_1","type":"tool_result","content":")", result,
                      R"("}]},"uuid":"r","toolUseResult":"Error: )", result, R"("})");
}

std::string Notice(const std::string& text) {
  return absl::StrCat(R"({"isSidechain":false,"type":"user","message":{"role":"user","content":[)",
                      Text(text), R"(]},"uuid":"n"})");
}

std::string Synthetic(const std::string& text, bool api_error) {
  return Assistant("\"stop_sequence\"", Text(text),
                   absl::StrCat(",\"isApiErrorMessage\":", api_error ? "true" : "false"),
                   "<synthetic>");
}

// What stands between messages in every transcript.
std::string Attachment() {
  return R"({"parentUuid":"p","isSidechain":false,"attachment":{"type":"date"},"type":"attachment"})";
}

class TranscriptTest : public ::testing::Test {
 protected:
  absl::StatusOr<TranscriptTurn> TryFind(const std::string& bytes, const Said& said = {}) {
    std::ofstream(path, std::ios::binary) << bytes;
    return FindTurn(path, kTell, said);
  }
  TranscriptTurn FindIn(const std::vector<std::string>& lines, const Said& said = {}) {
    return TryFind(absl::StrCat(absl::StrJoin(lines, "\n"), "\n"), said).value();
  }
  State StateOf(const std::vector<std::string>& lines) { return FindIn(lines).state; }
  // The turn must be broken.
  std::string WhyBroken(const std::vector<std::string>& lines) {
    const TranscriptTurn turn = FindIn(lines);
    EXPECT_EQ(turn.state, State::kBroken);
    return turn.detail;
  }

  const ScratchDir scratch;
  const std::string path = scratch.File("transcript.jsonl");
};

TEST_F(TranscriptTest, WithoutATranscriptTheTellIsAbsent) {
  EXPECT_EQ(FindTurn("", kTell)->state, State::kAbsent);
  EXPECT_EQ(FindTurn(scratch.File("none"), kTell)->state, State::kAbsent);
  EXPECT_EQ(StateOf({}), State::kAbsent);
}

TEST_F(TranscriptTest, ATellThatOnlyOthersMentionIsAbsent) {
  EXPECT_EQ(StateOf({Prompt(kOther, kTell), Says(kTell)}), State::kAbsent);
  EXPECT_EQ(StateOf({absl::StrCat(R"({"type":"queue-operation","uuid":")", kTell, R"("})")}),
            State::kAbsent);
}

TEST_F(TranscriptTest, APromptThatNothingFollowsHasNotBegun) {
  EXPECT_EQ(StateOf({Prompt(kOther), Says("a"), Prompt(kTell)}), State::kNotBegun);
  EXPECT_EQ(StateOf({Prompt(kTell), Attachment(), R"({"type":"api-request"})"}), State::kNotBegun);
}

TEST_F(TranscriptTest, ATurnThatEndedGivesItsLinesByteForByte) {
  const TranscriptTurn turn =
      FindIn({Prompt(kOther), Says("before"), Prompt(kTell), Attachment(), Thinks(), Calls(),
              Returns(), Says("one"), Says("two"), Attachment(), Prompt(kOther), Says("after")});
  EXPECT_EQ(turn.state, State::kEndedWell);
  EXPECT_THAT(turn.lines, ElementsAre(Thinks(), Calls(), Says("one"), Says("two")));
}

TEST_F(TranscriptTest, EveryReasonToStopButAToolEndsTheTurn) {
  for (const std::string reason :
       {"end_turn", "stop_sequence", "max_tokens", "refusal", "model_context_window_exceeded"}) {
    EXPECT_EQ(StateOf({Prompt(kTell), Says("x", absl::StrCat("\"", reason, "\""))}),
              State::kEndedWell)
        << reason;
  }
  EXPECT_EQ(StateOf({Prompt(kTell), Says("x", "\"pause_turn\"")}), State::kBroken);
}

TEST_F(TranscriptTest, ATurnThatStopsInTheMiddleIsBrokenAndSaysWhere) {
  EXPECT_THAT(WhyBroken({Prompt(kTell), Says("I use a tool.", "\"tool_use\""), Calls()}),
              HasSubstr("call of a tool"));
  EXPECT_THAT(WhyBroken({Prompt(kTell), Calls(), Returns()}), HasSubstr("tool's result"));
  EXPECT_THAT(WhyBroken({Prompt(kTell), Says("par", "null")}), HasSubstr("middle of a message"));
  EXPECT_THAT(FindIn({Prompt(kTell), Says("so far", "\"tool_use\""), Calls()}).lines, SizeIs(2));
}

// A message's lines are written one after the other; a kill may come between.
TEST_F(TranscriptTest, ThoughtsAloneAreNoAnswer) {
  EXPECT_EQ(StateOf({Prompt(kTell), Thinks()}), State::kBroken);
}

TEST_F(TranscriptTest, AnInterruptedTurnIsBrokenThoughItEndsWell) {
  EXPECT_THAT(WhyBroken({Prompt(kTell), Says("par", "null"),
                         Notice("[Request interrupted by user]"), Prompt(kOther), Says("x")}),
              HasSubstr("interrupted"));
  EXPECT_THAT(WhyBroken({Prompt(kTell), Notice("[Request interrupted by user]")}),
              HasSubstr("interrupted"));
  EXPECT_THAT(WhyBroken({Prompt(kTell), Calls(), Returns(),
                         Notice("[Request interrupted by user for tool use]"), Says("fine")}),
              HasSubstr("interrupted"));
}

TEST_F(TranscriptTest, APermissionThatNobodyAnsweredBreaksTheTurnADeniedOneDoesNot) {
  const std::string aborted =
      "Tool permission request failed: AbortError: Tool permission stream closed before response "
      "received";
  EXPECT_THAT(WhyBroken({Prompt(kTell), Calls(), Returns(aborted), Says("I could not.")}),
              HasSubstr("permission"));
  EXPECT_EQ(StateOf({Prompt(kTell), Calls(), Returns("not today"), Says("Very well.")}),
            State::kEndedWell);
}

TEST_F(TranscriptTest, WhatClaudeMakesUpSettlesNothingAndIsNobodysAnswer) {
  const std::string patch = Synthetic("No response requested.", false);
  // Cut, resumed for another tell.
  const TranscriptTurn cut = FindIn({Prompt(kTell), patch, Prompt(kOther), Says("other")});
  EXPECT_EQ(cut.state, State::kBroken);
  EXPECT_THAT(cut.lines, IsEmpty());
  EXPECT_THAT(cut.detail, HasSubstr("before its first message"));
  EXPECT_THAT(WhyBroken({Prompt(kTell), Calls(), Returns("[Tool call interrupted]"), patch}),
              HasSubstr("tool's result"));
  // Cut, resumed for the same one, which ran then.
  const TranscriptTurn again = FindIn({Prompt(kTell), patch, Says("done")});
  EXPECT_EQ(again.state, State::kEndedWell);
  EXPECT_THAT(again.lines, ElementsAre(Says("done")));
}

TEST_F(TranscriptTest, AnApiErrorBreaksTheTurnAndIsNotItsText) {
  const TranscriptTurn turn = FindIn(
      {Prompt(kTell), Says("a", "\"tool_use\""), Synthetic("API Error: 529 overloaded", true)});
  EXPECT_EQ(turn.state, State::kBroken);
  EXPECT_THAT(turn.detail, HasSubstr("API Error: 529 overloaded"));
  EXPECT_THAT(turn.lines, SizeIs(1));
}

TEST_F(TranscriptTest, SubAgentsAreNotHeard) {
  std::string side = Says("inner");
  side.replace(side.find("\"isSidechain\":false"), 19, "\"isSidechain\":true");
  std::string side_prompt = Prompt(kOther);
  side_prompt.replace(side_prompt.find("\"isSidechain\":false"), 19, "\"isSidechain\":true");
  EXPECT_EQ(StateOf({Prompt(kTell), side_prompt, side}), State::kNotBegun);
  const TranscriptTurn turn =
      FindIn({Prompt(kTell), Calls(), side_prompt, side, Returns(), Says("outer"), side});
  EXPECT_EQ(turn.state, State::kEndedWell);
  EXPECT_THAT(turn.lines, ElementsAre(Calls(), Says("outer")));
}

TEST_F(TranscriptTest, ATurnThatNobodyAskedForIsNotPartOfTheAnswer) {
  const std::string task =
      R"({"isSidechain":false,"type":"user","message":{"role":"user","content":"<task-notification>"},)"
      R"("uuid":"t","origin":{"kind":"task-notification"},"promptSource":"system"})";
  EXPECT_THAT(FindIn({Prompt(kTell), Says("mine"), task, Says("background")}).lines,
              ElementsAre(Says("mine")));
}

TEST_F(TranscriptTest, WhatClaudeSaysInTheUsersNameDoesNotEndTheTurn) {
  std::string meta = Prompt("m");
  meta.replace(meta.find("\"isSidechain\":false"), 19, "\"isMeta\":true");
  EXPECT_EQ(StateOf({Prompt(kTell), Says("a"), meta}), State::kBroken);
  EXPECT_THAT(FindIn({Prompt(kTell), Says("a"), meta, Says("b")}).lines,
              ElementsAre(Says("a"), Says("b")));
}

TEST_F(TranscriptTest, UnreadableLinesArePassedOver) {
  const std::string deep = std::string(100'000, '[');
  const TranscriptTurn turn = FindIn({"", "null", "{", "\xff\xfe", deep, Prompt(kTell), "garbage",
                                      deep, "[]", R"({"type":5,"message":7})", Says("a"), "{nope"});
  EXPECT_EQ(turn.state, State::kEndedWell);
  EXPECT_THAT(turn.lines, ElementsAre(Says("a")));
}

TEST_F(TranscriptTest, ACutMessageAtTheEndBreaksTheTurnOtherCutLinesDoNot) {
  const std::string whole = absl::StrCat(Prompt(kTell), "\n", Says("one"), "\n");
  EXPECT_EQ(TryFind(absl::StrCat(whole, Says("two").substr(0, 150)))->state, State::kBroken);
  EXPECT_EQ(TryFind(absl::StrCat(whole, Attachment().substr(0, 60)))->state, State::kEndedWell);
  EXPECT_EQ(TryFind(absl::StrCat(whole, R"({"type":"last-prompt","x":"us)"))->state,
            State::kEndedWell);
  // Whole but for the newline.
  const absl::StatusOr<TranscriptTurn> turn = TryFind(absl::StrCat(whole, Says("two")));
  EXPECT_EQ(turn->state, State::kEndedWell);
  EXPECT_THAT(turn->lines, SizeIs(2));
}

TEST_F(TranscriptTest, ACutPromptIsAbsent) {
  EXPECT_EQ(TryFind(Prompt(kTell).substr(0, Prompt(kTell).size() - 30))->state, State::kAbsent);
}

TEST_F(TranscriptTest, AnAnswerAtTheBoundIsWholeAndOneBeyondIsBroken) {
  constexpr size_t kHalf = TranscriptTurn::kLinesBytesMax / 2;
  const std::string half = Says(std::string(kHalf - Says("").size(), 'x'));
  ASSERT_EQ(half.size(), kHalf);
  const TranscriptTurn at_bound = FindIn({Prompt(kTell), half, half});
  EXPECT_EQ(at_bound.state, State::kEndedWell);
  EXPECT_THAT(at_bound.lines, SizeIs(2));
  const TranscriptTurn beyond = FindIn({Prompt(kTell), half, Calls(), Returns(), half});
  EXPECT_EQ(beyond.state, State::kBroken);
  EXPECT_THAT(beyond.detail, HasSubstr("64 MiB"));
  EXPECT_THAT(beyond.lines, SizeIs(2));
}

TEST_F(TranscriptTest, ATurnThatLacksWhatWasSaidLastIsBehind) {
  const Said more = {.last = "v"}, all = {.last = "u"};
  const TranscriptTurn turn = FindIn({Prompt(kTell), Says("one")}, more);
  EXPECT_EQ(turn.state, State::kBehind);
  EXPECT_THAT(turn.detail, HasSubstr("lacks the end"));
  EXPECT_EQ(FindIn({Prompt(kTell), Says("one")}, all).state, State::kEndedWell);
  EXPECT_EQ(FindIn({Prompt(kTell), Says("one")}).state, State::kEndedWell);
  EXPECT_EQ(FindIn({Prompt(kTell), Calls()}, more).state, State::kBehind);
  EXPECT_EQ(FindIn({Prompt(kTell), Calls()}, all).state, State::kBroken);
  // A background task has said it, before claude took up the tell.
  EXPECT_EQ(
      FindIn({Says("other"), Prompt(kTell), absl::StrReplaceAll(Says("x"), {{R"("u")", "1"}})}, all)
          .state,
      State::kEndedWell);
}

TEST_F(TranscriptTest, WhatCalledAToolHasBegunThoughNothingIsThere) {
  const Said called = {.last = "u", .called_tool = true}, spoke = {.last = "u"};
  EXPECT_EQ(FindIn({Prompt(kTell)}, called).state, State::kBehind);
  // Nothing was done: it may run again, and says all of it anew.
  EXPECT_EQ(FindIn({Prompt(kTell)}, spoke).state, State::kNotBegun);
  EXPECT_EQ(FindIn({Calls(), Returns(), Prompt(kTell)}, called).state, State::kNotBegun);
  EXPECT_EQ(FindIn({}, called).state, State::kAbsent);
}

TEST_F(TranscriptTest, WhatCannotBeReadIsNotTakenForAbsence) {
  EXPECT_EQ(KindOf(FindTurn(scratch.File(""), kTell).status()), v1::FAILURE_STORAGE);
  const std::string pipe = scratch.File("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(KindOf(FindTurn(pipe, kTell).status()), v1::FAILURE_STORAGE);
}

}  // namespace
}  // namespace iris
