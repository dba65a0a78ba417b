#ifndef IRIS_COORDINATOR_MCP_OUTGOING_H_
#define IRIS_COORDINATOR_MCP_OUTGOING_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "coordinator/desk/frame_bytes.h"

namespace iris {

// A JSON-RPC message on its way to a client, handed out in pieces: a long answer is neither copied
// as a whole nor escaped in one go, which would hold up the loop. Not thread-safe.
class McpOutgoing {
 public:
  static constexpr size_t kPieceBytesMax = kFrontEndFrameBytesMax;
  // A longer text is let go where the message has to wait for others, if the store has it.
  static constexpr size_t kHeldTextBytesMax = 64 << 10;

  // A message that is made already; empty: there is none.
  explicit McpOutgoing(std::string json) : head_(std::move(json)) {}
  // `head` + the characters of `text` as they stand inside a JSON string + `tail`. Bytes of `text`
  // that are not UTF-8 become U+FFFD.
  McpOutgoing(std::string head, std::shared_ptr<const std::string> text, std::string tail)
      : head_(std::move(head)),
        text_(std::move(text)),
        text_bytes_(text_ == nullptr ? 0 : text_->size()),
        tail_(std::move(tail)) {}

  // The next 1 to kPieceBytesMax bytes; empty at the end.
  std::string NextPiece();
  bool done() const;

  // A long text need not be held all the time: it may be let go between two pieces, and the same is
  // put back before the next one that lacks_text().
  void LetGo() { text_.reset(); }
  void PutBack(std::shared_ptr<const std::string> text) { text_ = std::move(text); }
  bool lacks_text() const { return text_ == nullptr && text_sent_ < text_bytes_; }
  size_t text_bytes() const { return text_bytes_; }
  const std::shared_ptr<const std::string>& text() const { return text_; }
  // How many bytes it holds.
  size_t held_bytes() const;
  bool begun() const { return head_sent_ > 0; }  // NextPiece() has returned some of it.
  // Made in the place of this one where it has not begun and its text cannot be had again.
  std::function<McpOutgoing(const absl::Status& why)> instead;

  std::string settles;          // As in McpServerMessage.
  bool opening = false;         // As in McpServerMessage.
  std::string accepted;         // As in McpServerMessage.
  std::string accepted_member;  // As in McpServerMessage.
  std::string outcome_of;       // The tell whose outcome is in it, fetched once it is taken.
  bool continues = false;       // What is sent next is of the same JSON text.
  bool is_progress = false;     // May be left out where a client is slow to read.

 private:
  std::string NextTextPiece();

  std::string head_;
  size_t head_sent_ = 0;
  std::shared_ptr<const std::string> text_;
  size_t text_bytes_ = 0;
  size_t text_sent_ = 0;
  std::string tail_;
  size_t tail_sent_ = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_OUTGOING_H_
