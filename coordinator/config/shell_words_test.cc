#include "coordinator/config/shell_words.h"

#include <string>
#include <vector>

#include "common/failure/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Words(absl::string_view text) {
  const auto words = SplitShellWords(text, "/home/me");
  EXPECT_TRUE(words.ok()) << words.status();
  return words.value_or(std::vector<std::string>());
}

std::string RefusalOf(absl::string_view text) {
  const absl::Status status = SplitShellWords(text, "/home/me").status();
  EXPECT_EQ(KindOf(status), v1::FAILURE_BAD_REQUEST) << text;
  return std::string(status.message());
}

TEST(ShellWordsTest, BlanksSeparate) {
  EXPECT_THAT(Words("  ssh\t-p 22  gpu1 "), ElementsAre("ssh", "-p", "22", "gpu1"));
  EXPECT_THAT(Words(" \t"), IsEmpty());
}

TEST(ShellWordsTest, QuotesFollowPosix) {
  EXPECT_THAT(Words(R"('a b' "c d" e\ f)"), ElementsAre("a b", "c d", "e f"));
  EXPECT_THAT(Words(R"(a'b'"c"\d)"), ElementsAre("abcd"));
  EXPECT_THAT(Words(R"('' "")"), ElementsAre("", ""));
  EXPECT_THAT(Words(R"('\n$x;`')"), ElementsAre(R"(\n$x;`)"));
  EXPECT_THAT(Words(R"("\n \" \\ \$x \`")"), ElementsAre(R"(\n " \ $x `)"));
  EXPECT_THAT(Words(R"(\;\$\'\")"), ElementsAre(R"(;$'")"));
  EXPECT_THAT(Words("a\\\nb \"c\\\nd\""), ElementsAre("ab", "cd"));
}

TEST(ShellWordsTest, TildeIsHomeOnlyAtTheStartOfAWordAndUnquoted) {
  EXPECT_THAT(Words("~/k a~/k '~/k' \\~/k ~me/k ~"),
              ElementsAre("/home/me/k", "a~/k", "~/k", "~/k", "~me/k", "~"));
  EXPECT_FALSE(SplitShellWords("ssh -i ~/k h", "").ok());
}

TEST(ShellWordsTest, PatternsAndBracketsStay) {
  EXPECT_THAT(Words("[::1] *.x {a,b} #c !d"), ElementsAre("[::1]", "*.x", "{a,b}", "#c", "!d"));
}

TEST(ShellWordsTest, ShellSyntaxIsRefused) {
  for (const char* text : {"a $b", "a `b`", "a;b", "a|b", "a&b", "a<b", "a>b", "(a)", "a)", "a\nb",
                           "a\rb", "\"$b\"", "\"`b`\""}) {
    EXPECT_THAT(RefusalOf(text), HasSubstr("shell syntax")) << text;
  }
}

TEST(ShellWordsTest, OpenQuotesAreRefused) {
  EXPECT_THAT(RefusalOf("a 'b"), HasSubstr("quote ' is not closed"));
  EXPECT_THAT(RefusalOf("a \"b"), HasSubstr("quote \" is not closed"));
  EXPECT_THAT(RefusalOf("a \"b\\"), HasSubstr("quote \" is not closed"));
  EXPECT_THAT(RefusalOf("a\\"), HasSubstr("backslash"));
}

TEST(ShellWordsTest, WordsAndBytesAreBounded) {
  std::string many;
  for (size_t i = 0; i < kShellWordsMax; ++i) many += "w ";
  EXPECT_THAT(Words(many), ::testing::SizeIs(kShellWordsMax));
  EXPECT_THAT(RefusalOf(many + "w"), HasSubstr("more than 128 words"));

  const std::string longest(kShellTextBytesMax, 'x');
  EXPECT_THAT(Words(longest), ElementsAre(longest));
  EXPECT_THAT(RefusalOf(longest + "x"), HasSubstr("longer than 8192 bytes"));
}

}  // namespace
}  // namespace iris
