#include "coordinator/mcp/whole_characters.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "common/base/utf8.h"

namespace iris {
namespace {

constexpr size_t kEscapeBytes = 6;  // "\ud83d".

// The UTF-16 unit whose escape begins `text`; -1 where none does.
int EscapedUnit(absl::string_view text) {
  if (text.size() < kEscapeBytes || text[0] != '\\' || text[1] != 'u') return -1;
  int unit = 0;
  for (const char c : text.substr(2, 4)) {
    if (!absl::ascii_isxdigit(c)) return -1;
    const int digit = absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
    unit = unit * 16 + digit;
  }
  return unit;
}

bool IsHigh(int unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool IsLow(int unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

}  // namespace

std::string WithWholeCharacters(absl::string_view json) {
  std::string text = ToUtf8(json);
  for (size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at)) {
    const absl::string_view rest = absl::string_view(text).substr(at);
    const int unit = EscapedUnit(rest);
    if (unit < 0) {
      at += 2;  // `\\` is one escape, and its second backslash begins none.
    } else if (IsHigh(unit) && IsLow(EscapedUnit(rest.substr(kEscapeBytes)))) {
      at += 2 * kEscapeBytes;
    } else {
      if (IsHigh(unit) || IsLow(unit)) text.replace(at, kEscapeBytes, "\\ufffd");
      at += kEscapeBytes;
    }
  }
  return text;
}

}  // namespace iris
