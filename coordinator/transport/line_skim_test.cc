#include "coordinator/transport/line_skim.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr size_t kDepthMax = 100;

// Feeds the skim some of a line, in pieces of `piece` bytes; returns what is to be kept.
std::string Keep(LineSkim& skim, absl::string_view line, size_t piece = 1 << 20) {
  std::string kept;
  for (; !line.empty(); line.remove_prefix(std::min(piece, line.size()))) {
    absl::StrAppend(&kept, skim.Feed(line.substr(0, piece)));
  }
  return kept;
}

constexpr char kLine[] =
    R"({"type":"result","result":"a \"long\"\ntext","usage":{"result":"x"},"n":[{"result":"y"}]})";
constexpr char kKept[] =
    R"({"type":"result","result":"\"\"\n","usage":{"result":"x"},"n":[{"result":"y"}]})";

TEST(LineSkimTest, OnlyTheResultOfTheOutermostObjectIsLeftOutHoweverTheLineIsCut) {
  LineSkim skim(kDepthMax);
  for (size_t piece = 1; piece < sizeof(kLine); ++piece) {
    skim.Begin(/*leaves_result=*/true);
    EXPECT_EQ(Keep(skim, kLine, piece), kKept);
    EXPECT_TRUE(skim.IsJson());
    EXPECT_TRUE(skim.has_left_out());
    skim.Begin(/*leaves_result=*/false);
    EXPECT_EQ(Keep(skim, kLine, piece), kLine);
    EXPECT_TRUE(skim.IsJson());
    EXPECT_FALSE(skim.has_left_out());
  }
}

TEST(LineSkimTest, AnotherOneGoesOnWithWhatWasKept) {
  const absl::string_view line = kLine;
  for (size_t size = 1; size < line.size(); ++size) {
    LineSkim first(kDepthMax), second(kDepthMax);
    first.Begin(/*leaves_result=*/true);
    second.Begin(/*leaves_result=*/true);
    std::string kept = Keep(second, Keep(first, line.substr(0, size)));
    kept += Keep(second, line.substr(size));
    EXPECT_EQ(kept, kKept) << size;
    EXPECT_TRUE(second.IsJson() && second.has_left_out()) << size;
  }
}

TEST(LineSkimTest, AfterABreakEverythingIsKept) {
  LineSkim skim(kDepthMax);
  skim.Begin(/*leaves_result=*/true);
  EXPECT_EQ(Keep(skim, R"({"result":"left out{"type":"assistant","result":"kept"}out"})"),
            R"({"result":""type":"assistant","result":"kept"}out"})");
  EXPECT_FALSE(skim.IsJson());
  skim.Begin(/*leaves_result=*/true);
  EXPECT_EQ(Keep(skim, "{}"), "{}");
  EXPECT_TRUE(skim.IsJson());
}

TEST(LineSkimTest, WhatOnlyLooksLikeAResultIsKept) {
  LineSkim skim(kDepthMax);
  for (const char* line : {R"(["result","x"])", R"({"results":"x","resul":"x","":"x"})",
                           R"({"a":"result","b":"x"})", R"({"result":{"x":"y"},"z":"x"})",
                           R"({"r\u0065sult":"x"})", R"({"result":7,"x":["y"]})", "\"result\""}) {
    skim.Begin(/*leaves_result=*/true);
    EXPECT_EQ(Keep(skim, line), line);
    EXPECT_FALSE(skim.has_left_out()) << line;
  }
}

TEST(LineSkimTest, TheRestIsKeptOnceNothingIsToBeLeftOut) {
  LineSkim skim(kDepthMax);
  skim.Begin(/*leaves_result=*/true);
  std::string kept = Keep(skim, R"({"type":"result")");
  skim.KeepRest();
  kept += Keep(skim, R"(,"result":"x"})");
  EXPECT_EQ(kept, R"({"type":"result","result":"x"})");
  EXPECT_FALSE(skim.has_left_out());
}

}  // namespace
}  // namespace iris
