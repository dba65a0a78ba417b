#include "coordinator/cli/text.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/base/utf8.h"

namespace iris {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Characters that terminals show two columns wide, or that some do: whole blocks but for the
// crosses of Dingbats, of which one stands in our tables. One column too few is a line that wraps.
constexpr Range kWide[] = {
    {0x1100, 0x115F},   {0x2300, 0x2716},   {0x2719, 0x27BF},  {0x2B00, 0x2BFF}, {0x2E80, 0xA4CF},
    {0xA960, 0xA97F},   {0xAC00, 0xD7FF},   {0xF900, 0xFAFF},  {0xFE10, 0xFE6F}, {0xFF00, 0xFFEF},
    {0x16FE0, 0x1B2FF}, {0x1F000, 0x1FBFF}, {0x20000, 0x3FFFD}};

// Takes the first character off `line`, which is not empty; returns its columns.
size_t TakeCharacter(absl::string_view& line) {
  char32_t character;
  line.remove_prefix(std::max<size_t>(FirstCharacter(line, &character), 1));
  const bool is_wide = std::any_of(std::begin(kWide), std::end(kWide), [&](const Range& range) {
    return range.first <= character && character <= range.last;
  });
  return is_wide ? 2 : 1;
}

// Control characters are escaped in JSON already.
bool IsHarmlessInJson(char c) { return static_cast<unsigned char>(c) < 0x7F; }

// A newline and a tab do no harm.
bool IsHarmful(char32_t character) {
  return IsObeyed(character) && character != '\n' && character != '\t';
}

}  // namespace

std::string Printable(absl::string_view text) {
  const std::string clean = ToUtf8(text);
  std::string printable;
  printable.reserve(clean.size());
  for (absl::string_view rest = clean; !rest.empty();) {
    char32_t character;
    const size_t bytes = FirstCharacter(rest, &character);
    const bool line_end = absl::StartsWith(rest, "\r\n");
    if (!IsHarmful(character)) {
      absl::StrAppend(&printable, rest.substr(0, bytes));
    } else if (!line_end) {
      printable += '?';
    }
    rest.remove_prefix(bytes);
  }
  return printable;
}

std::string EscapeInJson(absl::string_view json) {
  std::string escaped;
  escaped.reserve(json.size());
  for (absl::string_view rest = json; !rest.empty();) {
    // Most of a long text.
    const size_t ascii = static_cast<size_t>(
        std::find_if_not(rest.begin(), rest.end(), IsHarmlessInJson) - rest.begin());
    absl::StrAppend(&escaped, rest.substr(0, ascii));
    rest.remove_prefix(ascii);
    if (rest.empty()) break;
    char32_t character;
    const size_t bytes = std::max<size_t>(FirstCharacter(rest, &character), 1);
    if (IsObeyed(character)) {
      absl::StrAppendFormat(&escaped, "\\u%04x", static_cast<unsigned>(character));
    } else {
      absl::StrAppend(&escaped, rest.substr(0, bytes));
    }
    rest.remove_prefix(bytes);
  }
  return escaped;
}

std::string FirstLine(absl::string_view text, size_t characters) {
  const absl::string_view line = text.substr(0, text.find('\n'));
  const std::string printable = OneLine(line);
  absl::string_view rest = printable;
  for (size_t seen = 0; seen < characters && !rest.empty(); ++seen) TakeCharacter(rest);
  const bool all = rest.empty() && line.size() == text.size();
  return all ? printable : absl::StrCat(printable.substr(0, printable.size() - rest.size()), "…");
}

size_t ColumnsOf(absl::string_view line) {
  size_t columns = 0;
  while (!line.empty()) columns += TakeCharacter(line);
  return columns;
}

std::string FirstColumns(absl::string_view line, size_t columns) {
  if (ColumnsOf(line) <= columns) return std::string(line);
  if (columns == 0) return "";
  absl::string_view rest = line, end = line;
  for (size_t taken = TakeCharacter(rest); taken + 1 <= columns; taken += TakeCharacter(rest)) {
    end = rest;
  }
  return absl::StrCat(line.substr(0, line.size() - end.size()), "…");
}

std::string LastColumns(absl::string_view line, size_t columns) {
  size_t left = ColumnsOf(line);
  if (left <= columns) return std::string(line);
  if (columns == 0) return "";
  while (left + 1 > columns) left -= TakeCharacter(line);
  return absl::StrCat("…", line);
}

std::string OneLine(absl::string_view text) {
  return absl::StrReplaceAll(Printable(text), {{"\n", " "}, {"\t", " "}});
}

std::string ShowBytes(uint64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1024;
  const char* unit = "KiB";
  for (const char* larger : {"MiB", "GiB", "TiB"}) {
    if (value < 1024) break;
    value /= 1024;
    unit = larger;
  }
  return absl::StrFormat("%.1f %s", value, unit);
}

std::string ShowAge(int64_t ms) {
  const int64_t s = std::max<int64_t>(0, ms / 1000);
  if (s < 60) return absl::StrCat(s, " s");
  if (s < 3600) return absl::StrCat(s / 60, " min");
  if (s < 48 * 3600) return absl::StrCat(s / 3600, " h");
  return absl::StrCat(s / (24 * 3600), " d");
}

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], ColumnsOf(row[i]));
  }
  std::string table;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&line, row[i], std::string(widths[i] - ColumnsOf(row[i]) + 2, ' '));
    }
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&table, line, "\n");
  }
  return table;
}

}  // namespace iris
