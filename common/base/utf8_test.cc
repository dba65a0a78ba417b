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

}  // namespace
}  // namespace iris
