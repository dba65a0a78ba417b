#include "coordinator/config_file/json_text.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "coordinator/config/refuse.h"

namespace iris {
namespace {

using nlohmann::json;

// Counts the lines as the parser consumes the text; the parser keeps no position that a handler
// sees.
class LineCounter {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  LineCounter(const char* at, int* line) : at_(at), line_(line) {}

  reference operator*() const { return *at_; }
  LineCounter& operator++() {
    if (*at_++ == '\n') ++*line_;
    return *this;
  }
  LineCounter operator++(int) {
    LineCounter before = *this;
    ++*this;
    return before;
  }
  bool operator==(const LineCounter& other) const { return at_ == other.at_; }
  bool operator!=(const LineCounter& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  int* line_;
};

// nlohmann's "[…] parse error at line 3, column 5: WHAT; last read: 'TOKEN'". The token is left
// out: it may be a piece of a secret.
std::string WhatOf(absl::string_view message) {
  const size_t column = message.find(", column ");
  if (column != absl::string_view::npos) message.remove_prefix(message.find(": ", column) + 2);
  return std::string(message.substr(0, message.find("; last read: ")));
}

// The first pass: finds what the document model would hide (repeated keys) and where every key
// stands.
class KeyScan : public json::json_sax_t {
 public:
  KeyScan(absl::string_view text, absl::string_view file, const int* line)
      : text_(text), file_(file), line_(line) {}

  absl::Status status;
  absl::flat_hash_map<std::string, int> lines;

  bool start_object(size_t) override { return Enter(); }
  bool start_array(size_t) override { return Enter(); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }

  bool key(string_t& name) override {
    Level& level = levels_.back();
    level.key_path = KeyPath(level.path, name);
    if (!level.keys.insert(name).second) {
      status = Refuse(absl::StrCat(file_, ":", *line_, ": ", level.key_path, ": given twice"),
                      "Remove one of the two.");
      return false;
    }
    lines[level.key_path] = *line_;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const json::exception& error) override {
    const absl::string_view before = text_.substr(0, position);
    const size_t newline = before.rfind('\n');
    const size_t column =
        newline == absl::string_view::npos ? before.size() : before.size() - newline - 1;
    status = Refuse(
        absl::StrCat(file_, ":", 1 + std::count(before.begin(), before.end(), '\n'), ":",
                     std::max<size_t>(column, 1), ": not valid JSON: ", WhatOf(error.what())),
        "Correct the JSON there; comments and trailing commas are not allowed.");
    return false;
  }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }

 private:
  // One object or array that is open. What is inside an array has the array's path.
  struct Level {
    std::string path;
    std::string key_path;  // Of the value that comes next.
    absl::flat_hash_set<std::string> keys;
  };

  bool Enter() {
    if (levels_.size() >= kConfigDepthMax) {
      status = Refuse(
          absl::StrCat(file_, ":", *line_, ": nested deeper than ", kConfigDepthMax, " levels"),
          "Remove the levels that are too many; docs/CONFIG.md shows the form.");
      return false;
    }
    const std::string path = levels_.empty() ? "" : levels_.back().key_path;
    levels_.push_back({.path = path, .key_path = path, .keys = {}});
    return true;
  }

  bool Leave() {
    levels_.pop_back();
    return true;
  }

  const absl::string_view text_;
  const absl::string_view file_;
  const int* const line_;
  std::vector<Level> levels_;
};

}  // namespace

absl::StatusOr<ConfigText> ParseJsonText(absl::string_view text, absl::string_view file) {
  int line = 1;
  KeyScan scan(text, file, &line);
  const char* const end = text.data() + text.size();
  if (!json::sax_parse(LineCounter(text.data(), &line), LineCounter(end, &line), &scan)) {
    return scan.status;
  }
  return ConfigText{
      .root = json::parse(text.data(), end, /*cb=*/nullptr, /*allow_exceptions=*/false),
      .lines = std::move(scan.lines)};
}

}  // namespace iris
