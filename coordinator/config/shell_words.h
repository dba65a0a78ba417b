#ifndef IRIS_COORDINATOR_CONFIG_SHELL_WORDS_H_
#define IRIS_COORDINATOR_CONFIG_SHELL_WORDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace iris {

// Splits a command line into words as POSIX sh would: blanks separate; '…', "…" and \ quote; an
// unquoted ~/ at the start of a word becomes `home`. Patterns stay as they are written. No shell is
// involved, now or later.
// FAILURE_BAD_REQUEST: syntax that only a shell could give a meaning ($ ` ; | & < > ( ) newline,
// unquoted), an open quote, more than kShellTextBytesMax or kShellWordsMax.
inline constexpr size_t kShellTextBytesMax = 8 << 10;
inline constexpr size_t kShellWordsMax = 128;
absl::StatusOr<std::vector<std::string>> SplitShellWords(absl::string_view text,
                                                         absl::string_view home);

// No character of `path` means anything to any login shell within double quotes: letters, digits,
// bytes of UTF-8 beyond ASCII, and those of kQuietInShells.
bool IsQuietInShells(absl::string_view path);
inline constexpr absl::string_view kQuietInShells = " ./_~+@=:,-";
inline constexpr absl::string_view kQuietInShellsText = "letters, digits, blanks and ./_~+@=:,-";

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_SHELL_WORDS_H_
