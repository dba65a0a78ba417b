#include "common/base/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(Utf8Test, TextOfEveryLengthOfCharacterIsAccepted) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("plain\n\t"));
  EXPECT_TRUE(IsUtf8("grüße € 𝄞"));
  EXPECT_TRUE(IsUtf8(absl::string_view("\0x", 2)));
  EXPECT_TRUE(
      IsUtf8("\xED\x9F\xBF \xEE\x80\x80 \xF4\x8F\xBF\xBF"));  // Beside the forbidden ranges.
}

TEST(Utf8Test, ACharacterCutAnywhereIsRefused) {
  const std::string note = "𝄞";
  for (size_t kept = 1; kept < note.size(); ++kept) {
    EXPECT_FALSE(IsUtf8(note.substr(0, kept))) << kept;
    EXPECT_FALSE(IsUtf8(note.substr(kept))) << kept;
  }
}

TEST(Utf8Test, OverlongSurrogateAndTooLargeAreRefused) {
  EXPECT_FALSE(IsUtf8("\xC0\x80"));
  EXPECT_FALSE(IsUtf8("\xE0\x9F\xBF"));
  EXPECT_FALSE(IsUtf8("\xF0\x8F\xBF\xBF"));
  EXPECT_FALSE(IsUtf8("\xED\xA0\x80"));
  EXPECT_FALSE(IsUtf8("\xF4\x90\x80\x80"));
  EXPECT_FALSE(IsUtf8("\xFF"));
}

TEST(Utf8Test, BytesThatAreNoCharacterAreReplacedOneByOne) {
  EXPECT_EQ(ToUtf8("grüße 𝄞"), "grüße 𝄞");
  EXPECT_EQ(ToUtf8("a\xFF\xE4z"), "a��z");
  EXPECT_EQ(ToUtf8(std::string("ü𝄞").substr(1, 3)), "���");
}

TEST(Utf8Test, ABeginningEndsBetweenTwoCharacters) {
  EXPECT_EQ(Utf8Prefix("aé", 3), "aé");
  EXPECT_EQ(Utf8Prefix("aéz", 3), "aé");
  EXPECT_EQ(Utf8Prefix("aé", 2), "a");
  EXPECT_EQ(Utf8Prefix("é", 1), "");
  EXPECT_EQ(Utf8Prefix("𝄞", 3), "");
  // No character has so many bytes: nothing is saved by going back further.
  EXPECT_EQ(Utf8Prefix("a\x80\x80\x80\x80\x80\x80", 6), "a\x80\x80\x80\x80\x80");
}

TEST(Utf8Test, WhatIsCutIsUtf8WithinTheBoundAndSaysSo) {
  EXPECT_EQ(CutUtf8("plain", 5), "plain");
  EXPECT_EQ(CutUtf8("plainly", 6), "pla…");
  EXPECT_EQ(CutUtf8("ééé", 5), "é…");
  EXPECT_EQ(CutUtf8("\xFF\xFF", 6), "\xEF\xBF\xBD\xEF\xBF\xBD");
  for (size_t bytes_max = 3; bytes_max < 40; ++bytes_max) {
    const std::string cut = CutUtf8("a\xFFé€𝄞\x80\x80\x80\x80\x80\x80 to the end of it", bytes_max);
    EXPECT_TRUE(IsUtf8(cut)) << bytes_max;
    EXPECT_LE(cut.size(), bytes_max);
  }
}

}  // namespace
}  // namespace iris
