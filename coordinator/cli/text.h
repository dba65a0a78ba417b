#ifndef IRIS_COORDINATOR_CLI_TEXT_H_
#define IRIS_COORDINATOR_CLI_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace iris {

// `text` for a terminal, which obeys some characters rather than show them: each of those, which a
// host may have put in, becomes '?', but for newlines (CR LF is one) and tabs; UTF-8.
std::string Printable(absl::string_view text);
// The same on one line, blanks for newlines and tabs.
std::string OneLine(absl::string_view text);
// The text of a JSON value (UTF-8) with those characters as \uXXXX: it means the same.
std::string EscapeInJson(absl::string_view json);

// The first line of `text`, printable, of at most `characters` characters; "…" where that is not
// all.
std::string FirstLine(absl::string_view text, size_t characters);

// The beginning of one printable line that takes at most `columns` columns of a terminal, or its
// end; "…" where that is not all. What may take two columns counts for two.
std::string FirstColumns(absl::string_view line, size_t columns);
std::string LastColumns(absl::string_view line, size_t columns);
size_t ColumnsOf(absl::string_view line);

// "0 B", "12.3 KiB", "3.1 MiB".
std::string ShowBytes(uint64_t bytes);

// "4 s", "3 min", "2 h", "5 d": the largest unit, cut off.
std::string ShowAge(int64_t ms);

// Columns that are as wide as their widest cell, two blanks apart; the first row is the heading.
// Every row ends in a newline and has no blanks before it.
std::string Table(const std::vector<std::vector<std::string>>& rows);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_TEXT_H_
