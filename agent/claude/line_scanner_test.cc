#include "agent/claude/line_scanner.h"

#include <time.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Line {
  LineFacts facts;
  std::string bytes;
  bool head_is_whole = false;
};

class Collector : public LineScannerSink {
 public:
  void OnLinePiece(absl::string_view piece, bool ends_line) override {
    current_.append(piece.data(), piece.size());
  }
  void OnLine(const LineFacts& facts, absl::string_view head, bool whole) override {
    EXPECT_EQ(head, absl::string_view(current_).substr(0, LineScanner::kHeadBytesMax));
    lines.push_back({facts, std::exchange(current_, {}), whole});
  }
  std::vector<Line> lines;

 private:
  std::string current_;
};

// Feeds `text` in chunks of `chunk` bytes.
std::vector<Line> LinesOf(absl::string_view text, size_t chunk) {
  Collector collector;
  LineScanner scanner(collector);
  for (size_t at = 0; at < text.size(); at += chunk) scanner.Feed(text.substr(at, chunk));
  scanner.Finish();
  return collector.lines;
}

TEST(LineScannerTest, FindsTheIdOfARequestBehindWhateverItAsks) {
  const std::string line = R"({"request":{"request_id":"nested","input":")" +
                           std::string(2 << 20, 'x') +
                           R"("},"request_id":"q1","type":"control_request"})";
  for (const size_t chunk : {size_t{1000}, line.size()}) {
    const std::vector<Line> lines = LinesOf(line, chunk);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].facts.type, "control_request");
    EXPECT_EQ(lines[0].facts.request_id, "q1");
    EXPECT_FALSE(lines[0].head_is_whole);
  }
}

TEST(LineScannerTest, ReadsTheFieldsOfAResultHoweverItIsCut) {
  const std::string text =
      R"({"type":"result","subtype":"success","is_error":false,"result":"a \"type\":\"fake\" }",)"
      R"("usage":{"type":"nested","is_error":true},"user_message_uuids":["u-1","u-2"],"uuid":"x"})"
      "\n"
      R"({ "isReplay" : true , "uuid" : "u-1" , "type" : "user" })"
      "\n";
  for (size_t chunk = 1; chunk <= text.size(); ++chunk) {
    const std::vector<Line> lines = LinesOf(text, chunk);
    ASSERT_EQ(lines.size(), 2u) << chunk;
    const LineFacts& result = lines[0].facts;
    EXPECT_TRUE(result.is_object);
    EXPECT_EQ(result.type, "result");
    EXPECT_EQ(result.subtype, "success");
    EXPECT_FALSE(result.is_error);
    EXPECT_TRUE(result.has_user_message_uuids);
    EXPECT_THAT(result.user_message_uuids, ElementsAre("u-1", "u-2"));
    EXPECT_EQ(lines[1].facts.type, "user");
    EXPECT_TRUE(lines[1].facts.is_replay);
    EXPECT_FALSE(lines[1].facts.has_user_message_uuids);
  }
}

TEST(LineScannerTest, ReadsAMessageHoweverItIsCut) {
  const std::string text =
      R"({"isSidechain":true,"isMeta":false,"attachment":{"model":"no","content":["no"]},)"
      R"("message":{"id":"m","usage":{"stop_reason":"no"},"content":[{"type":"text","text":"a"},)"
      R"({"type":"tool_use","id":"toolu_2","input":{"type":"no","name":"no"},"name":"Bash"},"no",[{"type":"no"}]],)"
      R"("model":"opus","stop_reason":"end_turn"},"isApiErrorMessage":true,"type":"assistant",)"
      R"("parent_tool_use_id":"toolu_1","toolUseResult":"Error: x"})"
      "\n"
      R"({"message":{"content":"plain","model":null},"toolUseResult":{"type":"no"},"isMeta":true})"
      "\n";
  for (size_t chunk = 1; chunk <= text.size(); ++chunk) {
    const std::vector<Line> lines = LinesOf(text, chunk);
    ASSERT_EQ(lines.size(), 2u) << chunk;
    const LineFacts& facts = lines[0].facts;
    EXPECT_TRUE(facts.is_object && facts.has_message && facts.is_sidechain && facts.is_api_error);
    EXPECT_FALSE(facts.is_meta);
    EXPECT_EQ(facts.type, "assistant");
    EXPECT_EQ(facts.model, "opus");
    EXPECT_EQ(facts.stop_reason, "end_turn");
    EXPECT_EQ(facts.parent_tool_use_id, "toolu_1");
    EXPECT_EQ(facts.tool_use_result, "Error: x");
    ASSERT_EQ(facts.blocks.size(), 2u);
    EXPECT_EQ(facts.blocks[0].type, "text");
    EXPECT_EQ(facts.blocks[0].text, "a");
    EXPECT_EQ(facts.blocks[1].type, "tool_use");
    EXPECT_EQ(facts.blocks[1].name, "Bash");
    EXPECT_EQ(facts.blocks[1].id, "toolu_2");
    const LineFacts& plain = lines[1].facts;
    ASSERT_EQ(plain.blocks.size(), 1u);
    EXPECT_EQ(plain.blocks[0].text, "plain");
    EXPECT_TRUE(plain.is_meta);
    EXPECT_EQ(plain.model + plain.tool_use_result, "");
  }
}

TEST(LineScannerTest, BlocksAreBounded) {
  std::string line = R"({"message":{"content":[)";
  for (int i = 0; i < 300; ++i) line += R"({"type":"text"},)";
  const std::vector<Line> lines = LinesOf(line + R"({}]},"type":"assistant"})", 100);
  EXPECT_EQ(lines[0].facts.blocks.size(), 256u);
  EXPECT_EQ(lines[0].facts.type, "assistant");
}

TEST(LineScannerTest, WhatIsNoObjectIsPassedOnAndSaysNothing) {
  for (absl::string_view line :
       {"", "42", "garbage {\"type\":\"result\"}", "[{\"type\":\"result\"}]",
        "{\"type\":\"result\"", "{\"type\":\"result\"} x", "null"}) {
    const std::vector<Line> lines = LinesOf(absl::StrCat(line, "\n"), 3);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].bytes, line);
    EXPECT_FALSE(lines[0].facts.is_object) << line;
  }
}

TEST(LineScannerTest, TheLastLineNeedsNoNewline) {
  const std::vector<Line> lines = LinesOf("{\"type\":\"a\"}\n{\"type\":\"b\"}", 5);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].facts.type, "b");
  EXPECT_THAT(LinesOf("", 1), IsEmpty());
}

// The same answers as a real JSON parser on random objects, cut at random places.
TEST(LineScannerTest, AgreesWithAParserOnRandomObjects) {
  std::mt19937 random(20261123);
  const auto text = [&] {
    std::string out;
    for (int i = random() % 12; i > 0; --i) out += "ab\"\\\n{}[],:é\t"[random() % 13];
    return out;
  };
  for (int round = 0; round < 2000; ++round) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    const std::vector<std::string> keys = {"type", "x", "is_error",
                                           "uuid", "y", "user_message_uuids"};
    for (int i = random() % 8; i > 0; --i) {
      const std::string& key = keys[random() % keys.size()];
      if (key == "is_error") {
        object[key] = random() % 2 == 0;
      } else if (key == "user_message_uuids") {
        object[key] = {"u1", "u2"};
      } else if (key == "x") {
        object[key] = {{"type", text()}, {"list", {1, nullptr, text()}}};
      } else if (key == "y") {
        object[key] = text();
      } else {
        object[key] = absl::StrCat("v", random() % 100);
      }
    }
    const std::string line = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    const std::vector<Line> lines = LinesOf(line + "\n", 1 + random() % 20);
    ASSERT_EQ(lines.size(), 1u);
    const LineFacts& facts = lines[0].facts;
    EXPECT_TRUE(facts.is_object) << line;
    EXPECT_EQ(facts.type, object.value("type", "")) << line;
    EXPECT_EQ(facts.uuid, object.value("uuid", "")) << line;
    EXPECT_EQ(facts.is_error, object.value("is_error", false)) << line;
    EXPECT_EQ(facts.has_user_message_uuids, object.contains("user_message_uuids")) << line;
  }
}

TEST(LineScannerTest, AHugeLineIsNotHeld) {
  Collector collector;
  LineScanner scanner(collector);
  const std::string line =
      absl::StrCat("{\"result\":\"", std::string(3 << 20, 'x'), "\",\"type\":\"result\"}");
  scanner.Feed(line + "\n");
  ASSERT_EQ(collector.lines.size(), 1u);
  EXPECT_EQ(collector.lines[0].facts.type, "result");
  EXPECT_FALSE(collector.lines[0].head_is_whole);
}

class NullSink : public LineScannerSink {
 public:
  void OnLinePiece(absl::string_view piece, bool) override { bytes += piece.size(); }
  void OnLine(const LineFacts& facts, absl::string_view, bool) override { type = facts.type; }
  size_t bytes = 0;
  std::string type;
};

// Of this thread alone: others on the machine do not count.
double CpuSeconds() {
  timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

double SecondsToScan(size_t bytes, size_t chunk) {
  const std::string piece(chunk, 'x');
  NullSink sink;
  LineScanner scanner(sink);
  const double start = CpuSeconds();
  scanner.Feed("{\"type\":\"assistant\",\"text\":\"");
  for (size_t done = 0; done < bytes; done += chunk) scanner.Feed(piece);
  scanner.Feed("\"}\n");
  const double took = CpuSeconds() - start;
  EXPECT_EQ(sink.type, "assistant");
  EXPECT_GT(sink.bytes, bytes);
  return took;
}

// 64 MiB cost at most five times what 16 MiB cost: four is linear, sixteen quadratic. Noise only
// adds, so the best of some rounds counts.
TEST(LineScannerTest, TimeIsLinearWholeOrInChunks) {
  constexpr size_t kMiB = 1 << 20;
  constexpr int kRoundsMax = 10;
  for (const size_t chunk : {size_t{1}, size_t{100}, size_t{4096}, size_t{64 << 10}, 16 * kMiB}) {
    double small = 1e9, large = 1e9;
    for (int i = 0; i < 3 || (i < kRoundsMax && large > 5 * small); ++i) {
      small = std::min(small, SecondsToScan(16 * kMiB, chunk));
      large = std::min(large, SecondsToScan(64 * kMiB, chunk));
    }
    EXPECT_LE(large, 5 * small) << "chunk " << chunk;
  }
}

}  // namespace
}  // namespace iris
