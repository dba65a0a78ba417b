#ifndef IRIS_COMMON_BASE_UTF8_H_
#define IRIS_COMMON_BASE_UTF8_H_

#include "absl/strings/string_view.h"

namespace iris {

// True if `text` is UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above
// U+10FFFF, no character cut off. NUL is a character like any other.
bool IsUtf8(absl::string_view text);

}  // namespace iris

#endif  // IRIS_COMMON_BASE_UTF8_H_
