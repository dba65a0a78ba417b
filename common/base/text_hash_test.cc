#include "common/base/text_hash.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace iris {
namespace {

TEST(TextHashTest, TextsThatDifferInOneBitOrInTheirLengthDiffer) {
  std::set<uint64_t> hashes;
  size_t texts = 0;
  for (size_t size = 0; size < 40; ++size) {
    const std::string text(size, '\0');
    hashes.insert(TextHash(text));
    ++texts;
    for (size_t bit = 0; bit < size * 8; ++bit) {
      std::string other = text;
      other[bit / 8] = static_cast<char>(1 << bit % 8);
      hashes.insert(TextHash(other));
      ++texts;
    }
  }
  EXPECT_EQ(hashes.size(), texts);
}

// As those of two words that differ in their highest bits alone would, were they not mixed.
TEST(TextHashTest, DifferencesDoNotMakeUpForEachOther) {
  std::string text(16, 'x'), other = text;
  other[7] = other[15] = static_cast<char>('x' ^ 0x80);
  EXPECT_NE(TextHash(text), TextHash(other));
}

TEST(TextHashTest, TheSameTextElsewhereIsTheSame) {
  const std::string text = " a text at an odd place";
  EXPECT_EQ(TextHash(absl::string_view(text).substr(1)), TextHash("a text at an odd place"));
}

}  // namespace
}  // namespace iris
