#include "coordinator/cli/text.h"

#include "coordinator/cli/progress_line.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(TextTest, ControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(Printable("a\033[31mb\r\n\x7f"), "a?[31mb\n?");
  EXPECT_EQ(Printable("over\rwritten"), "over?written");
  EXPECT_EQ(Printable("if x:\n\tgo"), "if x:\n\tgo") << "code has tabs";
  EXPECT_EQ(Printable("\xC2\x9B"
                      "31m grüße €"),
            "?31m grüße €");
  EXPECT_EQ(Printable("\x1b]0;pwn\x07"), "?]0;pwn?");
  EXPECT_EQ(Printable("a\xE2\x80\xAE"
                      "b\xE2\x81\xA6"
                      "c"),
            "a?b?c")
      << "turned around";
  EXPECT_EQ(Printable("\x9B"
                      "31m"),
            "\xEF\xBF\xBD"
            "31m")
      << "a terminal that is not UTF-8";
}

TEST(TextTest, JsonMeansTheSameWithoutThem) {
  EXPECT_EQ(EscapeInJson("{\"a\":\"\xC2\x9B"
                         "31m\x7f\xE2\x80\xAEü\"}\n"),
            "{\"a\":\"\\u009b31m\\u007f\\u202eü\"}\n");
}

TEST(TextTest, SizesAndAgesAreShort) {
  EXPECT_EQ(ShowBytes(0), "0 B");
  EXPECT_EQ(ShowBytes(1023), "1023 B");
  EXPECT_EQ(ShowBytes(1536), "1.5 KiB");
  EXPECT_EQ(ShowBytes(3 << 20), "3.0 MiB");
  EXPECT_EQ(ShowAge(-5), "0 s");
  EXPECT_EQ(ShowAge(59'999), "59 s");
  EXPECT_EQ(ShowAge(3'600'000), "1 h");
  EXPECT_EQ(ShowAge(3 * 86'400'000), "3 d");
}

TEST(TextTest, ATableLinesUpByCharacters) {
  EXPECT_EQ(Table({{"TEAM", "X"}, {"größe", "1"}, {"a", ""}}), "TEAM   X\ngröße  1\na\n");
}

TEST(TextTest, AnUploadShowsItsBytes) {
  v1::TellProgress progress;
  progress.set_stage(v1::TellProgress::UPLOADING);
  progress.set_text("uploading the agent to \033[1mgpu1");
  progress.set_bytes_done(1 << 20);
  progress.set_bytes_total(3 << 20);
  EXPECT_EQ(ShowProgress(progress), "uploading the agent to ?[1mgpu1: 1.0 MiB of 3.0 MiB");
  progress.set_stage(v1::TellProgress::WORKING);
  progress.clear_text();
  EXPECT_EQ(ShowProgress(progress), "working");
}

TEST(TextTest, TheFirstLineIsCutAtCharactersAndSaysSo) {
  EXPECT_EQ(FirstLine("grün", 4), "grün");
  EXPECT_EQ(FirstLine("grün", 3), "grü…");
  EXPECT_EQ(FirstLine("one\ntwo", 9), "one…");
  EXPECT_EQ(FirstLine("a\tb\033c", 9), "a b?c");
  EXPECT_EQ(FirstLine("", 9), "");
}

}  // namespace
}  // namespace iris
