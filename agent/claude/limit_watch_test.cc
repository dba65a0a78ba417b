#include "agent/claude/limit_watch.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/claude/line_scanner.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;

class Turn : private LineScannerSink {
 public:
  explicit Turn(const std::vector<std::string>& lines, absl::string_view error_text = "") {
    LineScanner scanner(*this);
    for (const std::string& line : lines) scanner.Feed(line + "\n");
    watch.OnResult(error_text);
  }
  LimitWatch watch;

 private:
  void OnLinePiece(absl::string_view, bool) override {}
  void OnLine(const LineFacts& facts, absl::string_view head, bool) override {
    watch.OnLine(facts, head);
  }
};

std::string Assistant(const std::string& model, const std::string& text,
                      const json& more = json::object()) {
  json line = {
      {"type", "assistant"},
      {"message",
       {{"model", model}, {"content", json::array({{{"type", "text"}, {"text", text}}})}}}};
  line.update(more);
  return line.dump();
}

std::string Synthetic(const std::string& text, const json& more = json::object()) {
  return Assistant("<synthetic>", text, more);
}

std::string Event(const std::string& status, const json& resets_at) {
  return json({{"type", "rate_limit_event"},
               {"rate_limit_info", {{"status", status}, {"resetsAt", resets_at}}}})
      .dump();
}

const json kOfLimit = {{"error", "rate_limit"},
                       {"api_error", "usage_limit_reached"},
                       {"api_error_params",
                        {{"rate_limit_info", {{"status", "rejected"}, {"resetsAt", 1795997982}}}}}};

TEST(LimitWatchTest, ARefusalSaysWhatAndUntilWhen) {
  const Turn turn(
      {Event("rejected", 1795997000), Synthetic("You've hit your 5-hour limit", kOfLimit)});
  EXPECT_TRUE(turn.watch.reached());
  EXPECT_EQ(turn.watch.said(), "You've hit your 5-hour limit");
  EXPECT_EQ(turn.watch.limit().resets_at_ms(), 1795997982000);
  EXPECT_TRUE(turn.watch.limit().nothing_ran());
}

TEST(LimitWatchTest, WordsAloneAreEnoughAndNoClockIsReadFromThem) {
  for (const char* text :
       {"Session limit reached · resets 10am", "Weekly limit reached ∙ resets Oct 6, 1pm",
        "You've hit your session limit · resets 12:19am (UTC)", "You’ve hit your weekly limit",
        "Claude AI usage limit reached|1760000000", "5-hour limit reached ∙ resets 3pm"}) {
    const Turn turn({Synthetic(text)});
    EXPECT_TRUE(turn.watch.reached()) << text;
    EXPECT_EQ(turn.watch.limit().resets_at_ms(), 0) << text;
    EXPECT_TRUE(Turn({}, text).watch.reached()) << text;
  }
}

TEST(LimitWatchTest, ARejectedEventIsEnoughUnlessTheModelSpeaksAfterwards) {
  EXPECT_TRUE(Turn({Event("rejected", 1795997982)}).watch.reached());
  // Paid for otherwise.
  EXPECT_FALSE(Turn({Event("rejected", 1), Assistant("m", "hi")}).watch.reached());
  EXPECT_TRUE(Turn({Assistant("m", "hi"), Event("rejected", 1)}).watch.reached());
}

TEST(LimitWatchTest, EverythingElseIsNoLimit) {
  for (const char* text :
       {"No response requested.", "API Error: 529 overloaded", "Prompt is too long",
        "Context limit reached · /compact or /clear to continue",
        "Not logged in · Please run /login", "(no content)", ""}) {
    EXPECT_FALSE(Turn({Synthetic(text)}, text).watch.reached()) << text;
    EXPECT_FALSE(Turn({Event("rejected", 1), Synthetic(text)}, text).watch.reached()) << text;
  }
  EXPECT_FALSE(Turn({Event("allowed", 1), Event("allowed_warning", 1)}).watch.reached());
  // A model may speak of limits.
  EXPECT_FALSE(Turn({Assistant("m", "Session limit reached · resets 10am")}).watch.reached());
  EXPECT_FALSE(Turn({Synthetic("Session limit reached"), Assistant("m", "hi")}).watch.reached());
  EXPECT_FALSE(
      Turn({R"({"type":"rate_limit_event"})", R"({"type":"rate_limit_event","rate_limit_info":7})",
            R"({"type":"assistant","message":{"model":"<synthetic>","content":[7,{}]}})"})
          .watch.reached());
}

TEST(LimitWatchTest, WhatTheModelOrAToolDidCountsAsRun) {
  const auto ran = [](const std::string& line) {
    return !Turn({line, Synthetic("Session limit reached")}).watch.limit().nothing_ran();
  };
  EXPECT_TRUE(ran(Assistant("m", "hi")));
  EXPECT_TRUE(ran(Assistant("m", "hi", {{"parent_tool_use_id", "toolu_1"}})));
  EXPECT_TRUE(ran(R"({"type":"user","message":{"content":[{"type":"tool_result"}]}})"));
  EXPECT_FALSE(ran(R"({"type":"user","isReplay":true,"message":{"content":"hi"}})"));
  EXPECT_FALSE(ran(R"({"type":"system","subtype":"init"})"));
}

TEST(LimitWatchTest, WhatWasSaidAndDoneBeforeTheAnswerBeginsIsNotOfThisTurn) {
  Turn turn(
      {Event("rejected", 1), Assistant("m", "of a task"), Synthetic("Session limit reached")});
  ASSERT_TRUE(turn.watch.reached());
  turn.watch.OnAnswerBegins();
  EXPECT_FALSE(turn.watch.reached());
  EXPECT_TRUE(turn.watch.limit().nothing_ran());
}

// The API has refused, and claude has not said so yet.
TEST(LimitWatchTest, ARejectedEventBeforeTheAnswerBeginsStays) {
  Turn turn({Assistant("m", "of a task"), Event("rejected", 1795997982)});
  turn.watch.OnAnswerBegins();
  EXPECT_TRUE(turn.watch.reached());
  EXPECT_EQ(turn.watch.limit().resets_at_ms(), 1795997982000);
  EXPECT_TRUE(turn.watch.limit().nothing_ran());
}

TEST(LimitWatchTest, TimesThatAreNoneAreUnknown) {
  for (const json& at : std::vector<json>{nullptr, "10am", -1, 0, 1e300, json::array()}) {
    EXPECT_EQ(Turn({Event("rejected", at)}).watch.limit().resets_at_ms(), 0) << at;
  }
  EXPECT_EQ(Turn({Event("rejected", 1795997982000)}).watch.limit().resets_at_ms(), 1795997982000);
}

TEST(LimitWatchTest, AnotherWatchGoesOnWithWhatThisOneHasSeen) {
  const Turn turn({Event("rejected", 1795997982)});
  LimitWatch next;
  next.Resume(turn.watch.seen());
  EXPECT_TRUE(next.reached());
  EXPECT_EQ(next.limit().resets_at_ms(), 1795997982000);
  EXPECT_TRUE(next.limit().nothing_ran());
}

}  // namespace
}  // namespace iris
