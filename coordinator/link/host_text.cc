#include "coordinator/link/host_text.h"

#include "common/base/utf8.h"

namespace iris {
namespace {

bool IsBlank(char32_t point) { return point == ' ' || (point >= '\t' && point <= '\r'); }

// What a terminal obeys, and the marks that reorder or hide what follows them.
bool IsHidden(char32_t point) {
  return IsObeyed(point) || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x2069) ||
         point == 0xFEFF;
}

}  // namespace

std::string PrintableHostText(absl::string_view text, size_t bytes_max) {
  constexpr absl::string_view kCut = "…";
  std::string shown;
  bool blank = false;
  for (size_t i = 0; i < text.size();) {
    char32_t point = 0;
    const size_t length = FirstCharacter(text.substr(i), &point);
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
