#ifndef IRIS_COORDINATOR_CLI_TEXT_H_
#define IRIS_COORDINATOR_CLI_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace iris {

// `text` for a terminal: control characters but the newline, which a host may have put in, become
// '?'.
std::string Printable(absl::string_view text);

// The first line of `text`, printable, of at most `characters` characters; "…" where that is not
// all.
std::string FirstLine(absl::string_view text, size_t characters);

// "0 B", "12.3 KiB", "3.1 MiB".
std::string ShowBytes(uint64_t bytes);

// "4 s", "3 min", "2 h", "5 d": the largest unit, cut off.
std::string ShowAge(int64_t ms);

// Columns that are as wide as their widest cell, two blanks apart; the first row is the heading.
// Every row ends in a newline and has no blanks before it.
std::string Table(const std::vector<std::vector<std::string>>& rows);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_TEXT_H_
