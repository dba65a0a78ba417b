#include "common/json/json_string.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/json/json.h"
#include "common/json/json_scan.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

constexpr size_t kLong = 1 << 20;

// What the string of a text that has no other stands for; the text is cut into such pieces.
std::string Read(absl::string_view json, size_t piece = 1 << 20, size_t bytes_max = 1 << 20) {
  class Sink final : public JsonScanSink {
   public:
    explicit Sink(size_t bytes_max) { string_.Begin(bytes_max); }
    void OnOpen(bool) override {}
    void OnClose(bool) override {}
    bool OnBegin(JsonKind) override { return true; }
    void OnPlain(absl::string_view bytes) override { string_.AddPlain(bytes); }
    void OnEscape(uint16_t unit) override { string_.AddEscape(unit); }
    void OnEnd() override { text = string_.Take(); }
    std::string text;

   private:
    JsonString string_;
  } sink(bytes_max);
  JsonScan scan(/*depth_max=*/10, &sink);
  for (; !json.empty(); json.remove_prefix(std::min(piece, json.size()))) {
    scan.Feed(json.substr(0, piece));
  }
  EXPECT_TRUE(scan.IsWhole());
  return sink.text;
}

TEST(JsonStringTest, EveryEscapeStandsForItsCharacterHoweverTheTextIsCut) {
  const std::string json =
      R"("a\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude80\uD83D\uDE80\u0000é世🙂")";
  const std::string text = absl::StrCat("a\"\\/\b\f\n\r\tAé€🚀🚀", std::string(1, '\0'), "é世🙂");
  for (size_t piece = 1; piece <= json.size(); ++piece) EXPECT_EQ(Read(json, piece), text) << piece;
}

TEST(JsonStringTest, HalfACharacterIsReplacedAndCostsNothingElse) {
  for (size_t piece = 1; piece < 20; ++piece) {
    EXPECT_EQ(Read(R"("cut \ud83d here")", piece), "cut � here");
    EXPECT_EQ(Read(R"("\ude00\ud83d\ude00\ud83d\ud83d\ude00")", piece), "�😀�😀");
    EXPECT_EQ(Read(R"("\\ud83d \ud83d")", piece), "\\ud83d �");
    EXPECT_EQ(Read(R"("\ud83d\n\ude00\ud83dx")", piece), "�\n��x");
    EXPECT_EQ(Read("\"b\xFF\xC3\"", piece), "b��");
    EXPECT_EQ(Read("\"\xE2\x82\\u0041\xAC\"", piece), "��A�");
  }
}

TEST(JsonStringTest, OfALongOneTheBeginningIsKept) {
  EXPECT_EQ(Read(R"("0123456789")", 1, 5), "01234");
  EXPECT_EQ(Read(R"("\n\n\n\n\n\n")", 1, 5), "\n\n\n\n\n");
  EXPECT_LE(Read(R"("\ud83d\ude80\ud83d\ude80\ud83d\ude80")", 1, 5).size(), 8u);
}

TEST(JsonStringTest, AShortOneDoesNotKeepTheRoomThatALongOneMightHaveTaken) {
  JsonString string;
  string.Begin(64 * kLong);
  string.AddPlain(std::string(2 * kLong, 'x'));
  const std::string text = string.Take();
  EXPECT_EQ(text.size(), 2 * kLong);
  EXPECT_LT(text.capacity(), 4 * kLong);
}

TEST(AppendEscapedTest, IsWhatJsonHas) {
  std::mt19937 random(20261208);
  const std::string characters[] = {"a",    "\"",   "\\",   "/", "\n",
                                    "\x01", "\x1f", "\x7f", "é", "🙂"};
  for (int round = 0; round < 2'000; ++round) {
    std::string text;
    for (size_t i = random() % 40; i > 0; --i) text += characters[random() % 10];
    std::string json = "\"";
    AppendEscaped(text, json);
    json += '"';
    ASSERT_EQ(json, DumpJson(Json(text)));
    ASSERT_EQ(Read(json, 1 + random() % 9), text);
  }
}

}  // namespace
}  // namespace iris
