#ifndef IRIS_COORDINATOR_TRANSPORT_TURN_TEXT_H_
#define IRIS_COORDINATOR_TRANSPORT_TURN_TEXT_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/transport/half_line.h"
#include "coordinator/transport/read_mark.h"

namespace iris {

// Gathers the answer of one turn from the lines of claude's stdout: every text block of its
// assistant messages, in order, with an empty line between two. Thinking, tools and what sub-agents
// say (lines with a parent_tool_use_id) are left out. A turn without any text block (a slash
// command) answers with the `result` of its result line.
//
// Lines come in pieces. Not thread-safe.
class TurnText {
 public:
  // A longer line is not looked at, and broken() says so.
  static constexpr size_t kLineBytesMax = 160 << 20;

  // A new turn begins: forgets what was gathered. A line that has begun goes on.
  void Begin();
  // Takes a piece of a line; returns the text that it adds to the answer.
  std::string Feed(absl::string_view piece, bool ends_line);
  // At the end of a turn that went well: text still to be added.
  std::string Finish();

  // Everything that is known between two lines.
  TurnMark mark() const;
  // `half`: of a line that has begun.
  void Restore(const TurnMark& mark, absl::string_view half = "");
  // Whether mark() is enough to go on: no line that matters has begun.
  bool between_lines() const { return half_bytes_ == 0; }
  // What has come of the line that has begun.
  const std::shared_ptr<HalfLine>& half() const { return half_; }
  size_t half_bytes() const { return half_bytes_; }
  // The rest of the line that has begun will not come.
  void DropLine();

  // Some text of this turn may be missing, and why; empty = none is.
  const std::string& broken() const { return broken_; }

 private:
  std::string OnLine();
  void ForgetHalf();

  std::shared_ptr<HalfLine> half_ = std::make_shared<HalfLine>();
  size_t half_bytes_ = 0;
  std::string line_;  // That has ended.
  bool too_long_ = false;
  bool any_text_ = false;
  std::string result_;
  std::string broken_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TURN_TEXT_H_
