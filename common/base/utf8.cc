#include "common/base/utf8.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "utf8cpp/utf8.h"

namespace iris {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";

const char* EndOf(absl::string_view text) { return text.data() + text.size(); }

bool Continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// How many of the first bytes are ASCII, or a few less: long texts mostly are, and the library goes
// by characters.
size_t AsciiBytes(absl::string_view text) {
  size_t ascii = 0;
  for (uint64_t word; ascii + sizeof(word) <= text.size(); ascii += sizeof(word)) {
    memcpy(&word, text.data() + ascii, sizeof(word));
    if ((word & 0x8080808080808080) != 0) break;
  }
  return ascii;
}

}  // namespace

size_t FirstCharacter(absl::string_view text, char32_t* character) {
  constexpr size_t kCharacterBytesMax = 4;
  const absl::string_view head = text.substr(0, kCharacterBytesMax);
  const char* at = head.data();
  if (utf8::find_invalid(at, EndOf(head)) == at) {
    *character = 0xFFFD;
    return 0;
  }
  *character = utf8::unchecked::next(at);
  return static_cast<size_t>(at - head.data());
}

bool IsObeyed(char32_t character) {
  return character < 0x20 || (character >= 0x7F && character < 0xA0) ||
         (character >= 0x202A && character <= 0x202E) ||  // Embeds, overrides, and their end.
         (character >= 0x2066 && character <= 0x2069);    // Isolates, and their end.
}

bool IsUtf8(absl::string_view text) {
  constexpr size_t kOthersMax = 256;
  while (!text.empty()) {
    text.remove_prefix(AsciiBytes(text));
    const absl::string_view others = Utf8Prefix(text, kOthersMax);
    if (!utf8::is_valid(others.data(), EndOf(others))) return false;
    text.remove_prefix(others.size());
  }
  return true;
}

// The library's own replaces what belongs together once, and so says less of what was there.
std::string ToUtf8(absl::string_view text) {
  std::string clean;
  const char* const end = EndOf(text);
  for (const char* at = text.data(); at != end;) {
    const char* const bad = utf8::find_invalid(at, end);
    clean.append(at, bad);
    if (bad == end) break;
    absl::StrAppend(&clean, kReplacement);
    at = bad + 1;
  }
  return clean;
}

absl::string_view Utf8Prefix(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  constexpr size_t kContinuationsMax = 3;
  // What follows belongs to the last character, or begins another one.
  size_t end = bytes_max;
  while (end > 0 && bytes_max - end < kContinuationsMax && Continues(text[end])) --end;
  // No character is longer: no UTF-8.
  return text.substr(0, Continues(text[end]) ? bytes_max : end);
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
  while (begin < clean.size() && Continues(clean[begin])) ++begin;
  return absl::StrCat(kMore, absl::string_view(clean).substr(begin));
}

}  // namespace iris
