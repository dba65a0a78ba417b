#include "agent/claude/stream_json.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/claude/line_scanner.h"
#include "common/failure/agent_fix.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// As LineScanner has them of this line.
LineFacts Facts(const std::string& line) {
  struct Sink : LineScannerSink {
    void OnLinePiece(absl::string_view, bool) override {}
    void OnLine(const LineFacts& of_line, absl::string_view, bool) override { facts = of_line; }
    LineFacts facts;
  } sink;
  LineScanner scanner(sink);
  scanner.Feed(line + "\n");
  return sink.facts;
}

LineKind Kind(const std::string& line) { return KindOfLine(Facts(line)); }

TEST(StreamJson, AMessageIsOneLineWhateverItsText) {
  EXPECT_EQ(
      MessageLine("4f6d", "two\nlines, a \"quote\" and 世界"),
      R"({"type":"user","message":{"role":"user","content":"two\nlines, a \"quote\" and 世界"},)"
      R"("uuid":"4f6d"})");
}

TEST(StreamJson, ControlRequestsHaveAnIdAndASubtype) {
  EXPECT_EQ(InitializeLine("r1"),
            R"({"type":"control_request","request_id":"r1","request":{"subtype":"initialize"}})");
  EXPECT_EQ(ProbeLine("r2"),
            R"({"type":"control_request","request_id":"r2","request":{"subtype":"mcp_status"}})");
  EXPECT_EQ(InterruptLine("r3"), R"({"type":"control_request","request_id":"r3","request":)"
                                 R"({"subtype":"interrupt","cancel_queued":true}})");
}

TEST(StreamJson, WhatClaudeAsksIsDecidedOrRefused) {
  EXPECT_EQ(DecisionLine("r1", R"({"behavior":"allow","updatedInput":{}})"),
            R"({"type":"control_response","response":{"request_id":"r1","subtype":"success",)"
            R"("response":{"behavior":"allow","updatedInput":{}}}})");
  EXPECT_EQ(RefusalLine("r2", "no"),
            R"({"type":"control_response","response":{"request_id":"r2","subtype":"error",)"
            R"("error":"no"}})");
}

TEST(StreamJson, LinesAreTakenByTheirTypeAndWhoMadeThem) {
  EXPECT_EQ(Kind("a hook's words"), LineKind::kNoise);
  EXPECT_EQ(Kind(R"({"type":"assistant","message":{"model":"claude")"), LineKind::kNoise);
  EXPECT_EQ(Kind(R"({"type":"assistant","message":{"model":"claude-1"}})"), LineKind::kAssistant);
  EXPECT_EQ(Kind(R"({"type":"assistant","message":{"model":"<synthetic>"}})"),
            LineKind::kSynthetic);
  EXPECT_EQ(Kind(R"({"type":"user","uuid":"4f6d"})"), LineKind::kUser);
  EXPECT_EQ(Kind(R"({"type":"user","uuid":"4f6d","isReplay":true})"), LineKind::kReplay);
  EXPECT_EQ(Kind(R"({"type":"system","subtype":"session_state_changed","state":"idle"})"),
            LineKind::kState);
  EXPECT_EQ(Kind(R"({"type":"system","subtype":"api_retry"})"), LineKind::kApiRetry);
  EXPECT_EQ(Kind(R"({"type":"system","subtype":"init"})"), LineKind::kOther);
  EXPECT_EQ(Kind(R"({"type":"control_cancel_request","request_id":"r"})"),
            LineKind::kRequestWithdrawn);
}

TEST(StreamJson, OnlyTheMainAgentAndTheEndOfATurnSpeakToAReader) {
  EXPECT_TRUE(SpeaksToAReader(Facts(R"({"type":"result"})")));
  EXPECT_TRUE(SpeaksToAReader(Facts(R"({"type":"assistant","parent_tool_use_id":null})")));
  EXPECT_FALSE(SpeaksToAReader(Facts(R"({"type":"assistant","parent_tool_use_id":"toolu_1"})")));
  EXPECT_FALSE(SpeaksToAReader(Facts(R"({"type":"user"})")));
}

TEST(StreamJson, AControlResponseSaysWhatWasDropped) {
  const ControlResponse well = ReadControlResponse(
      R"({"type":"control_response","response":{"subtype":"success","request_id":"r1",)"
      R"("response":{"cancelled":["4f6d",7,"51aa"]}}})");
  EXPECT_EQ(well.request_id, "r1");
  EXPECT_TRUE(well.success);
  EXPECT_THAT(well.cancelled, ElementsAre("4f6d", "51aa"));
  const ControlResponse refused = ReadControlResponse(
      R"({"type":"control_response","response":{"subtype":"error","request_id":"r2",)"
      R"("error":"unknown"}})");
  EXPECT_FALSE(refused.success);
  EXPECT_EQ(refused.error, "unknown");
  EXPECT_THAT(refused.cancelled, IsEmpty());
}

TEST(StreamJson, WhatCannotBeReadIsTakenForAPermission) {
  EXPECT_TRUE(ReadControlRequest(R"({"request":{"subtype":"can_use_tool"}})").asks_permission());
  EXPECT_TRUE(ReadControlRequest("").asks_permission());
  EXPECT_FALSE(ReadControlRequest(R"({"request":{"subtype":"hook_callback"}})").asks_permission());
}

TEST(StreamJson, AResultIsForTheMessagesThatItNames) {
  const LineFacts named = Facts(R"({"type":"result","user_message_uuids":["4f6d"]})");
  EXPECT_TRUE(IsResultFor(named, "4f6d", /*replay_seen=*/false));
  EXPECT_FALSE(IsResultFor(named, "51aa", /*replay_seen=*/true));
  // 2.1.197 names none.
  const LineFacts unnamed = Facts(R"({"type":"result"})");
  EXPECT_TRUE(IsResultFor(unnamed, "4f6d", /*replay_seen=*/true));
  EXPECT_FALSE(IsResultFor(unnamed, "4f6d", /*replay_seen=*/false));
}

TEST(StreamJson, ATurnFailsByItsSubtypeOrByIsError) {
  EXPECT_FALSE(TurnFailed(Facts(R"({"type":"result","subtype":"success","is_error":false})")));
  EXPECT_TRUE(TurnFailed(Facts(R"({"type":"result","subtype":"success","is_error":true})")));
  EXPECT_TRUE(TurnFailed(Facts(R"({"type":"result","subtype":"error_during_execution"})")));
}

TEST(StreamJson, AnErrorIsTheResultsTextOrItsErrorsOrItsSubtype) {
  const auto text = [](const std::string& line) { return ReadTurnError(Facts(line), line).text; };
  EXPECT_EQ(text(R"({"type":"result","is_error":true,"result":"API Error: 529 busy"})"),
            "API Error: 529 busy");
  EXPECT_EQ(text(R"({"type":"result","subtype":"error_x","errors":["one","two"]})"), "one; two");
  EXPECT_EQ(text(R"({"type":"result","subtype":"error_max_turns"})"), "error_max_turns");
  const LineFacts too_long = Facts(R"({"type":"result","subtype":"error_max_turns"})");
  EXPECT_EQ(ReadTurnError(too_long, "").text, "error_max_turns");
}

TEST(StreamJson, AnErrorOfALoginIsKnown) {
  const std::string line =
      R"({"type":"result","is_error":true,"result":"Not logged in · Please run /login"})";
  EXPECT_TRUE(ReadTurnError(Facts(line), line).logged_out);
  const std::string busy = R"({"type":"result","is_error":true,"result":"API Error: 529 busy"})";
  EXPECT_FALSE(ReadTurnError(Facts(busy), busy).logged_out);
  EXPECT_EQ(ReadTurnError(Facts(busy), busy).fix, kFixApiBusy);
}

TEST(StreamJson, ARetryIsSaidInWordsAlsoWhereItCannotBeRead) {
  EXPECT_EQ(ReadApiRetry(R"({"attempt":1,"max_retries":10,"error_status":529})"),
            "the API refused with status 529; attempt 1 of 10");
  EXPECT_EQ(ReadApiRetry("{"), "the API refused with status ?; attempt ? of ?");
}

TEST(StreamJson, ABrokenLineIsClaudesByItsNames) {
  EXPECT_FALSE(ReadBrokenLine("warning: a hook speaks").of_claude);
  EXPECT_TRUE(ReadBrokenLine("{").of_claude);
  const BrokenLine answer = ReadBrokenLine(R"(oops{"type":"assistant","message":{"con)");
  EXPECT_TRUE(answer.of_claude && answer.has_text);
  EXPECT_FALSE(answer.is_result);
  EXPECT_TRUE(ReadBrokenLine(R"(ion":"x","total_cost_usd":0.1})").is_result);
}

TEST(StreamJson, WhatClaudeSaysOfItselfIsAside) {
  EXPECT_TRUE(IsAside(R"({"type":"control_response","response":{}})"));
  EXPECT_TRUE(IsAside(R"({"type":"system","subtype":"session_state_changed"})"));
  EXPECT_FALSE(IsAside(R"({"type":"assistant"})"));
}

}  // namespace
}  // namespace iris
