#include "common/json/json_scan.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "common/json/json_string.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

constexpr size_t kDepthMax = 10'000;

void Feed(absl::string_view text, size_t piece, JsonScan& scan) {
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    scan.Feed(text.substr(0, piece));
  }
}

bool IsJson(absl::string_view text, size_t piece = 1 << 20) {
  JsonScan scan(kDepthMax);
  Feed(text, piece, scan);
  return scan.IsWhole();
}

// Writes down what a scan or a parser says.
class Events {
 public:
  void Open(bool object) { absl::StrAppend(&said, object ? "{" : "[", "\n"); }
  void Close(bool object) { absl::StrAppend(&said, object ? "}" : "]", "\n"); }
  void Key(const std::string& key) { absl::StrAppend(&said, "key ", key, "\n"); }
  void Value(absl::string_view value) { absl::StrAppend(&said, value, "\n"); }
  void String(const std::string& text) { absl::StrAppend(&said, "string ", text, "\n"); }

  std::string said;
};

class ScanEvents final : public JsonScanSink {
 public:
  void OnOpen(bool object) override { events.Open(object); }
  void OnClose(bool object) override { events.Close(object); }
  bool OnBegin(JsonKind kind) override {
    kind_ = kind;
    text_.Begin(1 << 20);
    return true;
  }
  void OnPlain(absl::string_view bytes) override { text_.AddPlain(bytes); }
  void OnEscape(uint16_t unit) override { text_.AddEscape(unit); }
  void OnEnd() override {
    const std::string text = text_.Take();
    switch (kind_) {
      case JsonKind::kKey:
        return events.Key(text);
      case JsonKind::kString:
        return events.String(text);
      case JsonKind::kNumber:
        return events.Value(text);
      case JsonKind::kTrue:
        return events.Value("true");
      case JsonKind::kFalse:
        return events.Value("false");
      case JsonKind::kNull:
        return events.Value("null");
    }
  }

  Events events;

 private:
  JsonKind kind_ = JsonKind::kNull;
  JsonString text_;
};

class ParserEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return events.Value("null"), true; }
  bool boolean(bool value) override { return events.Value(value ? "true" : "false"), true; }
  bool number_integer(number_integer_t value) override {
    return events.Value(absl::StrCat(value)), true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    return events.Value(absl::StrCat(value)), true;
  }
  bool number_float(number_float_t, const string_t& text) override {
    return events.Value(text), true;
  }
  bool string(string_t& text) override { return events.String(text), true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return events.Open(true), true; }
  bool end_object() override { return events.Close(true), true; }
  bool start_array(size_t) override { return events.Open(false), true; }
  bool end_array() override { return events.Close(false), true; }
  bool key(string_t& name) override { return events.Key(name), true; }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

  Events events;
};

constexpr char kLine[] =
    R"( {"type":"assistant","n":[0,-1,2.50,1e9,-0.1E-2,[],{}],"t":true,"f":false,"z":null,)"
    R"("s":"a \"b\" \\ \/ \b\f\n\r\t \u00e9","o":{"a":[{"b":"}"}]}} )";

TEST(JsonScanTest, ATextIsJsonHoweverItIsCut) {
  for (size_t piece = 1; piece < sizeof(kLine); ++piece) EXPECT_TRUE(IsJson(kLine, piece));
}

TEST(JsonScanTest, AnyValueIsJsonAndNothingBesideIt) {
  for (const char* text : {"{}", " [] ", "7", "-0.5e1", "\"{}\"", "null", "true\n"}) {
    EXPECT_TRUE(IsJson(text)) << text;
  }
  for (const char* text : {"", " ", "{} {}", "{}x", "{", "}", "{]", "x{}", "7 7", "-", "1.", "tru",
                           "\"a", "[1,]", "{\"a\"}", "{,}", "01", "\"\n\""}) {
    EXPECT_FALSE(IsJson(text)) << text;
  }
}

TEST(JsonScanTest, CutAnywhereItIsNone) {
  const absl::string_view line = kLine;
  for (size_t size = 0; size < line.rfind('}'); ++size) EXPECT_FALSE(IsJson(line.substr(0, size)));
}

TEST(JsonScanTest, WhatIsSaidIsTheSameHoweverItIsCut) {
  ParserEvents parser;
  ASSERT_TRUE(nlohmann::json::sax_parse(std::string(kLine), &parser));
  for (size_t piece = 1; piece < sizeof(kLine); ++piece) {
    ScanEvents sink;
    JsonScan scan(kDepthMax, &sink);
    Feed(kLine, piece, scan);
    EXPECT_EQ(sink.events.said, parser.events.said) << piece;
  }
}

TEST(JsonScanTest, CharactersThatAreNotWantedAreNotSaid) {
  class KeysAlone final : public JsonScanSink {
   public:
    void OnOpen(bool) override {}
    void OnClose(bool) override {}
    bool OnBegin(JsonKind kind) override { return kind == JsonKind::kKey; }
    void OnPlain(absl::string_view bytes) override { absl::StrAppend(&said, bytes); }
    void OnEscape(uint16_t) override { said += '\\'; }
    void OnEnd() override { said += '.'; }
    std::string said;
  } keys;
  JsonScan scan(kDepthMax, &keys);
  scan.Feed(R"({"a":"no\n","b\u00e9":[1,true,{"c":null}]})");
  EXPECT_TRUE(scan.IsWhole());
  EXPECT_EQ(keys.said, "a..b\\...c..");
}

// What is valid with a line written into the middle was valid by luck: none is.
TEST(JsonScanTest, WithAnotherLineInItsMiddleItIsNone) {
  const std::string line =
      R"({"type":"result","subtype":"success","is_error":false,"result":"the text","n":[1,{"a":2}]})";
  for (size_t at = 1; at < line.size(); ++at) {
    std::string torn = line;
    torn.insert(at, R"({"type":"system","subtype":"x","n":[{}]})");
    EXPECT_EQ(IsJson(torn), nlohmann::json::accept(torn)) << torn;
    EXPECT_FALSE(IsJson(torn)) << torn;
  }
}

// `text` with what is JSON to the grammar, and not to a parser that reads it: a number that no
// double holds, and half a character. Digits of exponents and of \u become such that it reads
// them.
std::string Readable(std::string text) {
  const auto is_digit = [&text](size_t at) {
    return at < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[at]));
  };
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') {
      ++i;  // What is escaped.
      for (size_t j = 1; i < text.size() && text[i] == 'u' && j <= 4 && i + j < text.size(); ++j) {
        if (!absl::ascii_isxdigit(static_cast<unsigned char>(text[i + j]))) break;
        text[i + j] = '0';
      }
    }
    if (in_string || (c != 'e' && c != 'E') || i == 0 || !is_digit(i - 1)) continue;
    size_t at = i + 1;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    for (; is_digit(at); ++at) text[at] = '0';
  }
  return text;
}

// The parser reads -0 as the integer that it is.
std::string WithoutMinusZero(const std::string& said) {
  return absl::StrReplaceAll(said, {{"\n-0\n", "\n0\n"}});
}

// By the word of another parser.
TEST(JsonScanTest, AnythingThatIsChangedAtRandomIsReadAsByAParser) {
  const std::string bytes = "{}[]\",:\\0123456789.eE+-truefalsn /ux\x01";
  std::mt19937 random(20261129);
  const auto below = [&random](size_t bound) { return random() % bound; };
  int texts = 0, others = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = kLine;
    for (size_t changes = 1 + below(3); changes > 0; --changes) {
      const size_t at = below(text.size());
      switch (below(3)) {
        case 0:
          text[at] = bytes[below(bytes.size())];
          break;
        case 1:
          text.insert(at, 1, bytes[below(bytes.size())]);
          break;
        default:
          text.erase(at, 1 + below(4));
      }
    }
    ParserEvents parser;
    const std::string readable = Readable(text);
    const bool is_json = nlohmann::json::sax_parse(readable, &parser);
    (is_json ? texts : others) += 1;
    ASSERT_EQ(IsJson(text, 1 + below(9)), is_json) << text;
    ScanEvents sink;
    JsonScan scan(kDepthMax, &sink);
    Feed(readable, 1 + below(9), scan);
    ASSERT_EQ(scan.IsWhole(), is_json) << readable;
    if (is_json) {
      ASSERT_EQ(WithoutMinusZero(sink.events.said), parser.events.said) << readable;
    }
  }
  EXPECT_GT(texts, 1'000);
  EXPECT_GT(others, 1'000);
}

TEST(JsonScanTest, DepthIsBounded) {
  const auto nested = [](size_t depth) {
    return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(IsJson(nested(kDepthMax - 1)));
  EXPECT_FALSE(IsJson(nested(kDepthMax)));
}

TEST(JsonScanTest, ResetForgetsATextThatIsCut) {
  for (const char* cut :
       {R"({"a)", R"({"a\)", R"({"a\u00)", R"({"a":[)", R"({"a":tr)", R"({"a":-)", "x"}) {
    JsonScan scan(kDepthMax);
    scan.Feed(cut);
    scan.Reset();
    EXPECT_FALSE(scan.IsWhole()) << cut;
    scan.Feed(kLine);
    EXPECT_TRUE(scan.IsWhole()) << cut;
  }
}

TEST(PlainStringBytesTest, TheFirstByteThatIsNotPlainIsFoundWhereverItStands) {
  for (const char ends : {'"', '\\', '\n', '\0', '\x1f'}) {
    for (size_t at = 0; at < 40; ++at) {
      std::string text(40, '\xff');
      for (size_t i = 0; i < text.size(); ++i) text[i] = " !#[]\x7f\x80\xa2\xdc\xff"[i % 10];
      text[at] = ends;
      text.back() = '"';
      EXPECT_EQ(PlainStringBytes(text), std::min<size_t>(at, 39));
      EXPECT_EQ(PlainStringBytes(text.substr(0, at)), at);
    }
  }
}

}  // namespace
}  // namespace iris
