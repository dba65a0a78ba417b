#include "coordinator/config_file/yaml_text.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/config_file/json_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

json Root(absl::string_view yaml) {
  const auto parsed = ParseYamlText(yaml, "/c.yaml");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.ok() ? parsed->root : json();
}
// What the value of a key that is written so becomes.
json Value(absl::string_view scalar) { return Root(absl::StrCat("k: ", scalar, "\n"))["k"]; }

std::string RefusalOf(absl::string_view yaml) {
  const absl::Status status = ParseYamlText(yaml, "/c.yaml").status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_BAD_REQUEST) << yaml;
  EXPECT_NE(ToProto(status).fix(), "");
  return Describe(ToProto(status));
}

TEST(YamlTextTest, BothStylesBecomeWhatTheyWouldBeInJson) {
  const json expected = {{"a", {{"b", {1, "two", {{"c", nullptr}}}}, {"d", json::object()}}},
                         {"e", json::array()}};
  EXPECT_EQ(Root("# a comment\n"
                 "a:\n"
                 "  b:\n"
                 "    - 1\n"
                 "    - two  # another\n"
                 "    - c:\n"
                 "  d: {}\n"
                 "e: []\n"),
            expected);
  EXPECT_EQ(Root(expected.dump()), expected);
  EXPECT_EQ(Root("---\nk: v\n...\n"), json({{"k", "v"}}));
  EXPECT_EQ(Root(""), nullptr);
  EXPECT_EQ(Root("# nothing"), nullptr);
  EXPECT_EQ(Root("k: v\r\nl: w\r\n"), json({{"k", "v"}, {"l", "w"}}));
}

TEST(YamlTextTest, PlainScalarsAreTypedByTheCoreSchemaAlone) {
  for (const char* null : {"~", "null", "Null", "NULL", ""}) EXPECT_EQ(Value(null), nullptr);
  for (const char* yes : {"true", "True", "TRUE"}) EXPECT_EQ(Value(yes), true);
  for (const char* no : {"false", "False", "FALSE"}) EXPECT_EQ(Value(no), false);
  EXPECT_EQ(Value("0"), 0);
  EXPECT_EQ(Value("-12"), -12);
  EXPECT_EQ(Value("+12"), 12);
  EXPECT_EQ(Value("007"), 7);
  EXPECT_EQ(Value("0o17"), 15);
  EXPECT_EQ(Value("0xfF"), 255);
  EXPECT_EQ(Value("18446744073709551615"), 18446744073709551615u);
  EXPECT_EQ(Value("-1.5"), -1.5);
  EXPECT_EQ(Value(".5e2"), 50.0);
  EXPECT_EQ(Value("1e3"), 1000.0);
  EXPECT_TRUE(Value("1e3").is_number_float());
  EXPECT_TRUE(Value("99999999999999999999").is_number_float());
  EXPECT_TRUE(Value("0xfffffffffffffffff").is_number_float());
  for (const char* text :
       {"yes",   "no",   "on",  "off",  "y",        "N",          "nUll",  "tRue",
        "1_000", "0b11", "0o8", "0x",   "1:30",     "2001-12-14", "1.2.3", "e3",
        "+",     ".",    "1e",  "-0x1", "ssh gpu1", "/p",         "1 2"}) {
    EXPECT_EQ(Value(text), text);
  }
}

TEST(YamlTextTest, WhatIsQuotedIsAString) {
  for (const char* text : {"1", "true", "null", "0x1", "~"}) {
    EXPECT_EQ(Value(absl::StrCat("'", text, "'")), text);
    EXPECT_EQ(Value(absl::StrCat("\"", text, "\"")), text);
  }
  EXPECT_EQ(Value("\"grüße\\n\\u4e16\""), "grüße\n世");
  EXPECT_EQ(Value("'it''s'"), "it's");
  EXPECT_EQ(Value("|\n  two\n  lines"), "two\nlines\n");
  EXPECT_EQ(Value(">-\n  one\n  line"), "one line");
}

TEST(YamlTextTest, KeysAreTextAndTheirLinesAreKnown) {
  const auto parsed = ParseYamlText("a:\n  b: 1\n\n  yes: 2\n1: {x: 3,\n  y: 4}\n", "/c.yaml");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->root, json({{"a", {{"b", 1}, {"yes", 2}}}, {"1", {{"x", 3}, {"y", 4}}}}));
  EXPECT_EQ(parsed->lines.at("a"), 1);
  EXPECT_EQ(parsed->lines.at("a.b"), 2);
  EXPECT_EQ(parsed->lines.at("a.yes"), 4);
  EXPECT_EQ(parsed->lines.at("1.y"), 6);
}

TEST(YamlTextTest, LinesAreTheSameAsOfTheSameTextInJson) {
  const std::string text = "{\"a\": 1,\n \"b\": {\n\"c\": [true,\n {\"d\": \"x\"}]}}";
  const auto from_json = ParseJsonText(text, "/c.json");
  const auto from_yaml = ParseYamlText(text, "/c.yaml");
  ASSERT_TRUE(from_json.ok() && from_yaml.ok());
  EXPECT_EQ(from_yaml->root, from_json->root);
  EXPECT_EQ(from_yaml->lines, from_json->lines);
}

TEST(YamlTextTest, AKeyGivenTwiceIsRefusedWithItsLine) {
  EXPECT_THAT(RefusalOf("a:\n  b: 1\n  c: 2\n  b: 3\n"), HasSubstr("/c.yaml:4: a.b: given twice"));
  EXPECT_THAT(RefusalOf("{a: 1, 'a': 2}"), HasSubstr("/c.yaml:1: a: given twice"));
}

TEST(YamlTextTest, WhatJsonDoesNotHaveIsRefused) {
  EXPECT_THAT(RefusalOf("a: &x 1\nb: *x\n"),
              HasSubstr("/c.yaml:1: a: anchors and aliases (& and *) are not allowed"));
  EXPECT_THAT(RefusalOf("a: 1\n<<: {b: 2}\nc: &y [1]\n"), HasSubstr("/c.yaml:3: c: anchors"));
  EXPECT_THAT(RefusalOf("a: !!str 1\n"), HasSubstr("/c.yaml:1: a: tags (!) are not allowed"));
  EXPECT_THAT(RefusalOf("a: !!map {b: 1}\n"), HasSubstr("tags"));
  EXPECT_THAT(RefusalOf("a: !!null\n"), HasSubstr("tags"));
  EXPECT_THAT(RefusalOf("? [a, b]\n: 1\n"), HasSubstr("a key is not a piece of text"));
  EXPECT_THAT(RefusalOf("~: 1\n"), HasSubstr("a key is not a piece of text"));
  EXPECT_THAT(RefusalOf("a: 1\n---\nb: 2\n"), HasSubstr("/c.yaml:2: a second document begins"));
  for (const char* number : {".inf", "-.Inf", ".nan", "1e999"}) {
    EXPECT_THAT(RefusalOf(absl::StrCat("a: ", number)), HasSubstr("a: is not a finite number"));
  }
}

TEST(YamlTextTest, SyntaxErrorsNameLineAndColumnAndDoNotQuoteTheFile) {
  EXPECT_THAT(RefusalOf("a:\n  b: {,\n"), HasSubstr("/c.yaml:2:"));
  EXPECT_THAT(RefusalOf("a: [1\n"), HasSubstr("not valid YAML"));
  for (const char* no_end : {"a: \"x", "a: \"x\n", "a: 'x\nb: 1\n"}) {
    EXPECT_THAT(RefusalOf(no_end), HasSubstr("a quoted text does not end"));
  }
  EXPECT_THAT(RefusalOf("token: \"hunter2\nb: }"), Not(HasSubstr("hunter2")));
}

TEST(YamlTextTest, ATabThatIndentsIsNamed) {
  for (const char* yaml : {"a:\n\tb: 1\n", "a:\n  \tb: 1\n"}) {
    EXPECT_THAT(RefusalOf(yaml), HasSubstr("/c.yaml:2: not valid YAML: a tab indents the line\n"
                                           "fix: Indent with blanks"));
  }
  EXPECT_EQ(Root("a:\tx\n"), json({{"a", "x"}}));
}

TEST(YamlTextTest, OnlyCharactersOfTextAreTaken) {
  EXPECT_THAT(RefusalOf("a: 1\nb: \xff\n"),
              HasSubstr("/c.yaml:2: not valid YAML: the text is not"));
  // yaml-cpp would take it for the end, and the second key would be lost.
  EXPECT_THAT(RefusalOf("a: 1\n\x04\nb: 2\n"), HasSubstr("/c.yaml:2: not valid YAML: the line"));
  EXPECT_THAT(RefusalOf(std::string("a: 1\0", 5)), HasSubstr("control character"));
}

TEST(YamlTextTest, NestingIsBounded) {
  const auto nested = [](int depth) {
    return absl::StrCat(std::string(depth, '['), std::string(depth, ']'));
  };
  EXPECT_TRUE(ParseYamlText(nested(kConfigDepthMax), "/c.yaml").ok());
  EXPECT_THAT(RefusalOf(nested(kConfigDepthMax + 1)), HasSubstr("nested deeper than 16 levels"));
  EXPECT_THAT(RefusalOf(nested(100000)), HasSubstr("nested deeper than 16 levels"));
  std::string block;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&block, std::string(i, ' '), "a:\n");
  EXPECT_THAT(RefusalOf(block), HasSubstr("nested deeper than 16 levels"));
}

TEST(YamlTextTest, ALargeFileIsReadInItsTime) {
  std::string text = "teams:\n";
  while (text.size() < 1000000) {
    absl::StrAppend(&text, "  t", text.size(), ": {path: /p, description: \"some words\"}\n");
  }
  const absl::Time begun = absl::Now();
  EXPECT_TRUE(ParseYamlText(text, "/c.yaml").ok());
  EXPECT_LT(absl::Now() - begun, absl::Seconds(10));
}

}  // namespace
}  // namespace iris
