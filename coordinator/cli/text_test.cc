#include "coordinator/cli/text.h"

#include <string>

#include "absl/time/time.h"
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

TEST(TextTest, ALineIsCutToColumnsAndWideCharactersTakeTwo) {
  EXPECT_EQ(FirstColumns("grün", 4), "grün");
  EXPECT_EQ(FirstColumns("grüner", 4), "grü…");
  EXPECT_EQ(FirstColumns("世界地図", 8), "世界地図");
  EXPECT_EQ(FirstColumns("世界地図", 7), "世界地…");
  EXPECT_EQ(FirstColumns("世界地図", 6), "世界…");
  EXPECT_EQ(FirstColumns("abc", 0), "");
  EXPECT_EQ(FirstColumns("abc", 1), "…");
  EXPECT_EQ(LastColumns("abcdef", 6), "abcdef");
  EXPECT_EQ(LastColumns("abcdef", 4), "…def");
  EXPECT_EQ(LastColumns("世界地図", 6), "…地図");
  EXPECT_EQ(LastColumns("abc", 1), "…");
  EXPECT_EQ(ColumnsOf("a🚀é"), 4u);
}

TEST(TextTest, ATurnsProgressFitsIntoAnyTerminalAndItsSecondsGoLast) {
  v1::TellProgress progress;
  progress.set_stage(v1::TellProgress::WORKING);
  progress.set_text("claude has the message");
  EXPECT_EQ(ProgressLineText(progress, absl::Seconds(5), 79), "claude has the message");
  progress.set_working_ms(2'000);
  progress.mutable_tool()->set_name("Bash");
  progress.mutable_tool()->set_input("npm test");
  progress.set_words("First I look.\nThen I run \033[31mthe tests");
  EXPECT_EQ(ProgressLineText(progress, absl::Seconds(40), 79),
            "runs Bash: npm test · 42 s · First I look. Then I run ?[31mthe tests");
  EXPECT_EQ(ProgressLineText(progress, absl::Seconds(40), 44),
            "runs Bash: npm test · 42 s · …?[31mthe tests");
  EXPECT_EQ(ProgressLineText(progress, absl::Seconds(40), 30), "runs Bash: npm test · 42 s");
  EXPECT_EQ(ProgressLineText(progress, absl::Seconds(40), 15), "runs Ba… · 42 s");
  // What a person can do is the end of the text.
  v1::TellProgress asks = progress;
  asks.clear_tool();
  asks.set_text("claude waits for a permission (Bash: npm test): iris answer 4f6d1a2b allow|deny");
  EXPECT_EQ(ProgressLineText(asks, absl::Seconds(40), 71),
            "claude waits for a permission (… iris answer 4f6d1a2b allow|deny · 42 s");
  // Nor may it hide how far an upload is.
  v1::TellProgress upload;
  upload.set_stage(v1::TellProgress::UPLOADING);
  upload.set_text("uploading the agent to somebody@a.host.with.a.long.name.example");
  upload.set_bytes_done(1 << 20);
  upload.set_bytes_total(3 << 20);
  EXPECT_EQ(ProgressLineText(upload, absl::ZeroDuration(), 50),
            "uploading the agent to somebo…: 1.0 MiB of 3.0 MiB");
  EXPECT_FALSE(HasToBeReadWhole(upload, 50));
  // An address to visit must be read whole.
  v1::TellProgress says;
  says.set_stage(v1::TellProgress::CONNECTING);
  says.set_text(
      "gpu1 has not accepted the login yet; the host says: visit https://login.example/4711");
  EXPECT_FALSE(HasToBeReadWhole(says, 50));  // The words alone say nothing.
  says.set_host_asks(true);
  EXPECT_TRUE(HasToBeReadWhole(says, 50));
  EXPECT_FALSE(HasToBeReadWhole(says, 90));
  // Why an attempt failed comes again with the next one.
  says.set_host_asks(false);
  says.set_text(
      "the host is out of reach, trying again: gpu1: timed out; before the login the host "
      "says: visit https://login.example/4711");
  EXPECT_FALSE(HasToBeReadWhole(says, 50));
  progress.mutable_tool()->set_input(std::string(200, 'x'));
  progress.set_words("世界地図世界地図世界地図世界地図世界地図");
  for (size_t columns = 0; columns < 300; ++columns) {
    EXPECT_LE(ColumnsOf(ProgressLineText(progress, absl::Hours(30), columns)), columns);
  }
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
