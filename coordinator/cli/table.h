#ifndef IRIS_COORDINATOR_CLI_TABLE_H_
#define IRIS_COORDINATOR_CLI_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace iris {

// What a cell's colour says; where colours are off, its words alone say it.
enum class Tint { kNone, kGood, kBusy, kBad };

struct Cell {
  std::string text;  // One line, printable.
  Tint tint = Tint::kNone;
};

// Cells without colours.
std::vector<Cell> Plain(const std::vector<std::string>& texts);

// What is printed on.
struct Screen {
  size_t columns = 80;
  bool colour = false;
};

// The one behind stdout: as wide as $COLUMNS says, else as the terminal is, else 80 columns; with
// colours on a terminal, unless $NO_COLOR is set and not empty, or $TERM is dumb.
Screen OwnScreen();

// `text` in the colour of `tint`, where `screen` has colours.
std::string Paint(const std::string& text, Tint tint, const Screen& screen);

// Columns two blanks apart, no line wider than the screen where that is possible: the widest
// columns are cut, with "…", but none below 8 characters, and the first only once the others have
// no more than those. The first row is the heading.
std::string FitTable(const std::vector<std::vector<Cell>>& rows, const Screen& screen);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_TABLE_H_
