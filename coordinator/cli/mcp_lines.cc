#include "coordinator/cli/mcp_lines.h"

#include <utility>

namespace iris {

void LineSplitter::Take(absl::string_view bytes) {
  for (size_t end; (end = bytes.find('\n')) != absl::string_view::npos;) {
    Append(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
    EndLine();
  }
  Append(bytes);
}

void LineSplitter::End() { EndLine(); }

void LineSplitter::Append(absl::string_view bytes) {
  // One byte more than the limit may still turn out to be a '\r'.
  if (!too_long_ && bytes.size() <= bytes_max_ + 1 - line_.size()) {
    line_.append(bytes.data(), bytes.size());
    return;
  }
  too_long_ = true;
  on_too_long_(std::exchange(line_, std::string()));
  on_too_long_(bytes);
}

void LineSplitter::EndLine() {
  std::string line = std::exchange(line_, std::string());
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.size() > bytes_max_) {
    too_long_ = true;
    on_too_long_(line);
  }
  if (std::exchange(too_long_, false)) return on_too_long_end_();
  if (!line.empty()) on_line_(std::move(line));
}

}  // namespace iris
