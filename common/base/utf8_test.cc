#include "common/base/utf8.h"

#include <cstdint>
#include <ios>
#include <random>
#include <string>
#include <utility>
#include <vector>

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

// Nothing is to be replaced in it, by the word of what replaces.
TEST(Utf8Test, ALongTextIsJudgedWhereverItsCharactersStand) {
  std::mt19937 random(20261208);
  const std::string others[] = {"é", "€", "𝄞", "\xED\x9F\xBF", "\xFF", "\xE2\x82", "\x80"};
  int good = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    const size_t kinds = random() % 8 == 0 ? 7 : 4;
    for (size_t parts = random() % 40; parts > 0; --parts) {
      text.append(random() % 20, 'x');
      for (size_t i = random() % 40; i > 0; --i) text += others[random() % kinds];
    }
    const bool is_utf8 = ToUtf8(text) == text;
    good += is_utf8 ? 1 : 0;
    ASSERT_EQ(IsUtf8(text), is_utf8) << round;
  }
  EXPECT_GT(good, 1'000);
  EXPECT_LT(good, 3'000);
}

TEST(Utf8Test, BytesThatAreNoCharacterAreReplacedOneByOne) {
  EXPECT_EQ(ToUtf8("grüße 𝄞"), "grüße 𝄞");
  EXPECT_EQ(ToUtf8("a\xFF\xE4z"), "a��z");
  EXPECT_EQ(ToUtf8(std::string("ü𝄞").substr(1, 3)), "���");
}

TEST(Utf8Test, TheFirstCharacterIsRead) {
  const auto first = [](absl::string_view text) {
    char32_t character = 0;
    const size_t bytes = FirstCharacter(text, &character);
    return std::make_pair(bytes, character);
  };
  for (const auto& [text, character] :
       std::vector<std::pair<std::string, char32_t>>{{std::string(1, '\0'), 0},
                                                     {"\x7F", 0x7F},
                                                     {"\xC2\x80", 0x80},
                                                     {"\xDF\xBF", 0x7FF},
                                                     {"\xE0\xA0\x80", 0x800},
                                                     {"\xED\x9F\xBF", 0xD7FF},
                                                     {"\xEF\xBF\xBF", 0xFFFF},
                                                     {"\xF0\x90\x80\x80", 0x10000},
                                                     {"\xF4\x8F\xBF\xBF", 0x10FFFF}}) {
    EXPECT_EQ(first(text + "é"), std::make_pair(text.size(), character)) << text;
  }
  EXPECT_EQ(first("\x85z"), std::make_pair(size_t{0}, char32_t{0xFFFD}));
  EXPECT_EQ(first("\xED\xA0\x80"), std::make_pair(size_t{0}, char32_t{0xFFFD}));
}

TEST(Utf8Test, ATerminalObeysControlsAndWhatTurnsTheDirection) {
  for (const char32_t character :
       {0x0, 0x1B, 0x1F, 0x7F, 0x80, 0x9F, 0x202A, 0x202E, 0x2066, 0x2069})
    EXPECT_TRUE(IsObeyed(character)) << std::hex << uint32_t{character};
  for (const char32_t character : {0x20, 0x7E, 0xA0, 0x200D, 0x2029, 0x202F, 0x2065, 0x206A})
    EXPECT_FALSE(IsObeyed(character)) << std::hex << uint32_t{character};
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

TEST(Utf8Test, OfWhatIsCutToItsEndTheLastWordsStay) {
  EXPECT_EQ(CutUtf8ToEnd("plain", 5), "plain");
  EXPECT_EQ(CutUtf8ToEnd("plainly", 6), "…nly");
  EXPECT_EQ(CutUtf8ToEnd("ééé", 5), "…é");
  EXPECT_EQ(CutUtf8ToEnd("éééz", 6), "…éz");
  for (size_t bytes_max = 3; bytes_max < 40; ++bytes_max) {
    const std::string cut =
        CutUtf8ToEnd("from the begin of it \x80\x80\x80\x80\x80\x80𝄞€é\xFFz", bytes_max);
    EXPECT_TRUE(IsUtf8(cut)) << bytes_max;
    EXPECT_LE(cut.size(), bytes_max);
  }
}

}  // namespace
}  // namespace iris
