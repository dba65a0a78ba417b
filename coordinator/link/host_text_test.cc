#include "coordinator/link/host_text.h"

#include <string>

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(HostTextTest, CannotDriveATerminalOrForgeALine) {
  EXPECT_EQ(PrintableHostText("a\x1b[2Jb\r\n\x07"
                              "c\x7f",
                              100),
            "a[2Jb c");
  EXPECT_EQ(PrintableHostText("x\xc2\x9b"
                              "31my",
                              100),
            "x31my")
      << "C1 controls are two bytes of UTF-8";
  EXPECT_EQ(PrintableHostText("abc\xe2\x80\xaetxt.exe", 100), "abctxt.exe")
      << "a mark that turns the text around";
}

TEST(HostTextTest, KeepsOtherLanguagesAndShowsBrokenBytes) {
  EXPECT_EQ(PrintableHostText("Zugriff überall 日本 🙂", 100), "Zugriff überall 日本 🙂");
  EXPECT_EQ(PrintableHostText("a\xff\xc3(", 100),
            "a?"
            "?(");
  EXPECT_EQ(PrintableHostText("\xed\xa0\x80", 100), "???") << "a surrogate is no character";
  EXPECT_EQ(PrintableHostText("\xc0\xaf", 100), "??") << "an overlong slash is no character";
}

TEST(HostTextTest, BlanksAreTrimmedAndJoined) {
  EXPECT_EQ(PrintableHostText("  two \t\n words  ", 100), "two words");
  EXPECT_EQ(PrintableHostText(" \n", 100), "");
}

TEST(HostTextTest, IsCutBetweenCharacters) {
  EXPECT_EQ(PrintableHostText("abcdef", 6), "abcdef");
  EXPECT_EQ(PrintableHostText("abcdefg", 6), "abcdef…");
  EXPECT_EQ(PrintableHostText("abcdeü", 6), "abcde…");
}

}  // namespace
}  // namespace iris
