#ifndef IRIS_COORDINATOR_CLI_MCP_LINES_H_
#define IRIS_COORDINATOR_CLI_MCP_LINES_H_

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace iris {

// Cuts a stream of bytes into lines. Not thread-safe.
class LineSplitter {
 public:
  // A line without its end ("\n" or "\r\n"), never empty.
  using OnLine = std::function<void(std::string line)>;
  // A piece of a line that has more than `bytes_max` bytes, in order and without gaps: nobody keeps
  // such a line as a whole.
  using OnTooLong = std::function<void(absl::string_view piece)>;
  // It is over.
  using OnTooLongEnd = std::function<void()>;

  LineSplitter(size_t bytes_max, OnLine on_line, OnTooLong on_too_long, OnTooLongEnd on_end)
      : bytes_max_(bytes_max),
        on_line_(std::move(on_line)),
        on_too_long_(std::move(on_too_long)),
        on_too_long_end_(std::move(on_end)) {}

  void Take(absl::string_view bytes);
  // The stream is over: what has no line end is a line too.
  void End();

 private:
  void Append(absl::string_view bytes);
  void EndLine();

  const size_t bytes_max_;
  const OnLine on_line_;
  const OnTooLong on_too_long_;
  const OnTooLongEnd on_too_long_end_;
  std::string line_;
  bool too_long_ = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_MCP_LINES_H_
