#include "coordinator/cli/text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/base/utf8.h"

namespace iris {
namespace {

// Characters, not bytes: good enough for names of teams and hosts.
size_t Width(absl::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

// Bytes of the character that begins `text`, where a terminal obeys it rather than shows it: a
// control (in UTF-8, U+0080 to U+009F have two bytes), or one that turns the direction of what
// follows. Else 0; a newline and a tab do no harm.
size_t ObeyedBytes(absl::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  if (byte(0) == '\n' || byte(0) == '\t') return 0;
  if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) < 0xA0) return 2;
  if (byte(0) != 0xE2) return 0;
  const bool embeds = byte(1) == 0x80 && byte(2) >= 0xAA && byte(2) <= 0xAE;    // U+202A to 202E.
  const bool isolates = byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9;  // U+2066 to 2069.
  return embeds || isolates ? 3 : 0;
}

}  // namespace

std::string Printable(absl::string_view text) {
  const std::string clean = ToUtf8(text);
  std::string printable;
  printable.reserve(clean.size());
  for (size_t i = 0; i < clean.size();) {
    const size_t bytes = ObeyedBytes(absl::string_view(clean).substr(i));
    const bool line_end = clean.compare(i, 2, "\r\n") == 0;
    if (bytes == 0) printable += clean[i];
    if (bytes > 0 && !line_end) printable += '?';
    i += std::max<size_t>(bytes, 1);
  }
  return printable;
}

std::string EscapeInJson(absl::string_view json) {
  std::string escaped;
  for (size_t i = 0; i < json.size();) {
    const absl::string_view rest = json.substr(i);
    const size_t bytes = ObeyedBytes(rest);
    if (bytes == 0 || static_cast<unsigned char>(rest[0]) < 0x20) {
      escaped += rest[0];
      ++i;
      continue;
    }
    const auto low = [rest](size_t at) { return static_cast<unsigned>(rest[at]) & 0x3F; };
    const unsigned point = bytes == 1   ? static_cast<unsigned char>(rest[0])
                           : bytes == 2 ? 0x80 | low(1)
                                        : 0x2000 | low(1) << 6 | low(2);
    absl::StrAppendFormat(&escaped, "\\u%04x", point);
    i += bytes;
  }
  return escaped;
}

std::string FirstLine(absl::string_view text, size_t characters) {
  const absl::string_view line = text.substr(0, text.find('\n'));
  const std::string printable = OneLine(line);
  size_t end = 0;
  for (size_t seen = 0; end < printable.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(printable[end]) & 0xC0) != 0x80;
    if (begins && ++seen > characters) break;
  }
  const bool all = end == printable.size() && line.size() == text.size();
  return all ? printable : absl::StrCat(printable.substr(0, end), "…");
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
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string table;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&line, row[i], std::string(widths[i] - Width(row[i]) + 2, ' '));
    }
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&table, line, "\n");
  }
  return table;
}

}  // namespace iris
