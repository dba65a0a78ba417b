#ifndef IRIS_COMMON_BASE_UTF8_H_
#define IRIS_COMMON_BASE_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace iris {

// True if `text` is UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above
// U+10FFFF, no character cut off. NUL is a character like any other.
bool IsUtf8(absl::string_view text);

// `text` with U+FFFD in place of every byte that is part of no character: for what a program wrote,
// or was cut to a length, and goes into a field that must be UTF-8.
std::string ToUtf8(absl::string_view text);

// Bytes of the character that begins `text` (not empty), and which one it is; 0 and U+FFFD
// where none does.
size_t FirstCharacter(absl::string_view text, char32_t* character);

// Whether a terminal obeys the character rather than shows it: a control (a newline and a tab among
// them), or one that turns the direction of what follows.
bool IsObeyed(char32_t character);

// The longest beginning of `text` of at most `bytes_max` bytes that ends between two characters.
absl::string_view Utf8Prefix(absl::string_view text, size_t bytes_max);

// `text` as UTF-8 of at most `bytes_max` bytes (≥ 3), "…" among them where that is not all of it.
// What shortens a text for people goes through this function, but for the words of hosts, which are
// made printable as they are cut.
std::string CutUtf8(absl::string_view text, size_t bytes_max);

// The same with the end of `text`, behind "…": of what a program said, its last words.
std::string CutUtf8ToEnd(absl::string_view text, size_t bytes_max);

}  // namespace iris

#endif  // IRIS_COMMON_BASE_UTF8_H_
