#include "coordinator/bootstrap/host_text.h"

#include <cstdint>

namespace iris {
namespace {

// Length of the well-formed UTF-8 sequence that `text` begins with, and its code point; 0 if there
// is none.
size_t DecodeUtf8(absl::string_view text, uint32_t* point) {
  const auto byte = [&text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    *point = first;
    return 1;
  }
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  *point = first & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    *point = *point << 6 | (byte(i) & 0x3F);
  }
  const uint32_t smallest = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
  const bool surrogate = *point >= 0xD800 && *point <= 0xDFFF;
  return *point < smallest || *point > 0x10FFFF || surrogate ? 0 : length;
}

bool IsBlank(uint32_t point) { return point == ' ' || (point >= '\t' && point <= '\r'); }

// Controls, and the marks that reorder or hide what follows them.
bool IsHidden(uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x2069) ||
         point == 0xFEFF;
}

}  // namespace

std::string PrintableHostText(absl::string_view text, size_t bytes_max) {
  constexpr absl::string_view kCut = "…";
  std::string shown;
  bool blank = false;
  for (size_t i = 0; i < text.size();) {
    uint32_t point = 0;
    const size_t length = DecodeUtf8(text.substr(i), &point);
    absl::string_view piece = length == 0 ? "?" : text.substr(i, length);
    i += length == 0 ? 1 : length;
    if (length == 1 && IsBlank(point)) {
      blank = true;
      continue;
    }
    if (length != 0 && IsHidden(point)) continue;
    const size_t needed = piece.size() + (blank && !shown.empty() ? 1 : 0);
    if (shown.size() + needed > bytes_max) return shown.append(kCut.data(), kCut.size());
    if (blank && !shown.empty()) shown += ' ';
    blank = false;
    shown.append(piece.data(), piece.size());
  }
  return shown;
}

}  // namespace iris
