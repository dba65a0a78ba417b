#include "common/base/utf8.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace iris {
namespace {

// Bytes of the character that begins `text` (not empty), by table 3-7 of the Unicode standard; 0 =
// none does.
size_t CharacterBytes(absl::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto continues = [&byte](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return continues(1) ? 2 : 0;
  if (first < 0xF0) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return second >= low && second <= high && continues(2) ? 3 : 0;
  }
  if (first > 0xF4) return 0;
  const unsigned low = first == 0xF0 ? 0x90 : 0x80;
  const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
  return second >= low && second <= high && continues(2) && continues(3) ? 4 : 0;
}

}  // namespace

size_t FirstCharacter(absl::string_view text, char32_t* character) {
  const size_t bytes = CharacterBytes(text);
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (bytes == 0) {
    *character = 0xFFFD;
    return 0;
  }
  *character = bytes == 1 ? byte(0) : byte(0) & (0xFF >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) *character = *character << 6 | (byte(i) & 0x3F);
  return bytes;
}

bool IsObeyed(char32_t character) {
  return character < 0x20 || (character >= 0x7F && character < 0xA0) ||
         (character >= 0x202A && character <= 0x202E) ||  // Embeds, overrides, and their end.
         (character >= 0x2066 && character <= 0x2069);    // Isolates, and their end.
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t bytes = CharacterBytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string ToUtf8(absl::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const size_t bytes = CharacterBytes(text);
    absl::StrAppend(&clean, bytes > 0 ? text.substr(0, bytes) : "\xEF\xBF\xBD");
    text.remove_prefix(bytes > 0 ? bytes : 1);
  }
  return clean;
}

absl::string_view Utf8Prefix(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  constexpr size_t kContinuationsMax = 3;
  // What follows belongs to the last character, or begins another one.
  const auto continues = [text](size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  size_t end = bytes_max;
  while (end > 0 && bytes_max - end < kContinuationsMax && continues(end)) --end;
  return text.substr(0, continues(end) ? bytes_max : end);  // No character is longer: no UTF-8.
}

std::string CutUtf8(absl::string_view text, size_t bytes_max) {
  constexpr absl::string_view kMore = "…";
  const absl::string_view begin = Utf8Prefix(text, bytes_max);
  const std::string clean = ToUtf8(begin);  // May be longer: a bad byte becomes three.
  if (begin.size() == text.size() && clean.size() <= bytes_max) return clean;
  const size_t room = bytes_max > kMore.size() ? bytes_max - kMore.size() : 0;
  return absl::StrCat(Utf8Prefix(clean, room), kMore);
}

std::string CutUtf8ToEnd(absl::string_view text, size_t bytes_max) {
  constexpr absl::string_view kMore = "…";
  const size_t kept = std::min(text.size(), bytes_max);
  const std::string clean = ToUtf8(text.substr(text.size() - kept));
  if (kept == text.size() && clean.size() <= bytes_max) return clean;
  const size_t room = bytes_max > kMore.size() ? bytes_max - kMore.size() : 0;
  size_t begin = clean.size() - std::min(clean.size(), room);
  while (begin < clean.size() && (static_cast<unsigned char>(clean[begin]) & 0xC0) == 0x80) ++begin;
  return absl::StrCat(kMore, absl::string_view(clean).substr(begin));
}

}  // namespace iris
