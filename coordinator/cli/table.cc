#include "coordinator/cli/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "coordinator/cli/text.h"

namespace iris {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 8;
constexpr size_t kColumnsMin = 20;
constexpr size_t kColumnsMax = 1000;

absl::string_view Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? absl::string_view() : value;
}

size_t OwnColumns() {
  size_t columns = 0;
  if (!absl::SimpleAtoi(Variable("COLUMNS"), &columns)) {
    winsize size{};
    columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
  }
  return columns < kColumnsMin ? Screen().columns : std::min(columns, kColumnsMax);
}

size_t LineWidth(const std::vector<size_t>& widths) {
  size_t sum = 0;
  for (const size_t width : widths) sum += width + kGap;
  return sum < kGap ? 0 : sum - kGap;
}

void Narrow(std::vector<size_t>& widths, size_t columns) {
  for (size_t& width : widths) width = std::min(width, kColumnsMax);
  while (LineWidth(widths) > columns) {
    // The first says what its line is about: it gives way last.
    auto widest = std::max_element(widths.begin() + 1, widths.end());
    if (widest == widths.end() || *widest <= kNarrowest) widest = widths.begin();
    if (*widest <= kNarrowest) return;
    --*widest;
  }
}

}  // namespace

std::vector<Cell> Plain(const std::vector<std::string>& texts) {
  std::vector<Cell> cells;
  for (const std::string& text : texts) cells.push_back({.text = text});
  return cells;
}

Screen OwnScreen() {
  return {.columns = OwnColumns(),
          .colour = isatty(STDOUT_FILENO) == 1 && Variable("NO_COLOR").empty() &&
                    Variable("TERM") != "dumb"};
}

std::string Paint(const std::string& text, Tint tint, const Screen& screen) {
  if (!screen.colour || text.empty()) return text;
  switch (tint) {
    case Tint::kNone:
      return text;
    case Tint::kGood:
      return absl::StrCat("\033[32m", text, "\033[0m");
    case Tint::kBusy:
      return absl::StrCat("\033[33m", text, "\033[0m");
    case Tint::kBad:
      return absl::StrCat("\033[31m", text, "\033[0m");
  }
  return text;
}

std::string FitTable(const std::vector<std::vector<Cell>>& rows, const Screen& screen) {
  std::vector<size_t> widths;
  for (const std::vector<Cell>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], ColumnsOf(row[i].text));
  }
  Narrow(widths, screen.columns);
  std::string table;
  for (const std::vector<Cell>& row : rows) {
    std::string blanks;  // Only before what follows: no line ends in one.
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string text = FirstColumns(row[i].text, widths[i]);
      if (!text.empty()) absl::StrAppend(&table, blanks, Paint(text, row[i].tint, screen));
      if (!text.empty()) blanks.clear();
      blanks.append(widths[i] - ColumnsOf(text) + kGap, ' ');
    }
    table += '\n';
  }
  return table;
}

}  // namespace iris
