#include "common/json/json_string.h"

#include <algorithm>
#include <utility>

#include "common/base/utf8.h"
#include "common/json/json_scan.h"

namespace iris {
namespace {

constexpr size_t kLongBytes = 1 << 20;

bool IsFirstHalf(uint16_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool IsSecondHalf(uint16_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

void AppendUtf8(char32_t character, std::string& text) {
  const auto last = [character](int shift) {
    return static_cast<char>(0x80 | (character >> shift & 0x3F));
  };
  if (character < 0x80) {
    text += static_cast<char>(character);
  } else if (character < 0x800) {
    text += {static_cast<char>(0xC0 | character >> 6), last(0)};
  } else if (character < 0x10000) {
    text += {static_cast<char>(0xE0 | character >> 12), last(6), last(0)};
  } else {
    text += {static_cast<char>(0xF0 | character >> 18), last(12), last(6), last(0)};
  }
}

// As DumpJson() has it.
void AppendEscape(char c, std::string& json) {
  constexpr char kHex[] = "0123456789abcdef";
  constexpr absl::string_view kNamed = "\"\\\b\f\n\r\t", kNames = "\"\\bfnrt";
  const size_t named = kNamed.find(c);
  if (named != absl::string_view::npos) {
    json += {'\\', kNames[named]};
  } else {
    json += {'\\', 'u', '0', '0', kHex[c >> 4 & 0xF], kHex[c & 0xF]};
  }
}

}  // namespace

void JsonString::Begin(size_t bytes_max) {
  text_.clear();
  bytes_max_ = bytes_max;
  half_ = 0;
}

void JsonString::AddPlain(absl::string_view bytes) {
  EndHalf();
  const absl::string_view fits = bytes.substr(0, bytes_max_ - std::min(bytes_max_, text_.size()));
  // It grows to twice its size each time otherwise, and is copied as often.
  const bool is_long = text_.size() + fits.size() > kLongBytes;
  if (is_long && text_.capacity() < bytes_max_) text_.reserve(bytes_max_);
  text_.append(fits.data(), fits.size());
}

void JsonString::AddEscape(uint16_t unit) {
  if (half_ != 0 && IsSecondHalf(unit)) {
    AppendUtf8(0x10000 + (char32_t{half_} - 0xD800) * 0x400 + (char32_t{unit} - 0xDC00), text_);
    half_ = 0;
    return;
  }
  EndHalf();
  if (text_.size() >= bytes_max_) return;
  if (IsFirstHalf(unit)) {
    half_ = unit;
  } else {
    AppendUtf8(IsSecondHalf(unit) ? 0xFFFD : char32_t{unit}, text_);
  }
}

void JsonString::EndHalf() {
  if (std::exchange(half_, uint16_t{0}) != 0) AppendUtf8(0xFFFD, text_);
}

std::string JsonString::Take() {
  EndHalf();
  std::string text = std::exchange(text_, std::string());
  if (!IsUtf8(text)) text = ToUtf8(text);
  // Of others in the same text there may be many.
  if (text.capacity() > kLongBytes && text.size() < text.capacity() / 2) text.shrink_to_fit();
  return text;
}

void AppendEscaped(absl::string_view text, std::string& json) {
  while (!text.empty()) {
    const size_t plain = PlainStringBytes(text);
    json.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    AppendEscape(text[0], json);
    text.remove_prefix(1);
  }
}

}  // namespace iris
