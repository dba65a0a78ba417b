#include "coordinator/mcp/outgoing.h"

#include <algorithm>

#include "absl/strings/string_view.h"
#include "coordinator/mcp/message.h"

namespace iris {
namespace {

// The longest escape, \u001f, takes six bytes for one; a byte that is replaced, three.
constexpr size_t kTextBytesMax = McpOutgoing::kPieceBytesMax / 6;

std::string Take(const std::string& from, size_t& sent) {
  const std::string piece = from.substr(sent, McpOutgoing::kPieceBytesMax);
  sent += piece.size();
  return piece;
}

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

bool McpOutgoing::done() const {
  return head_sent_ == head_.size() && text_sent_ == text_bytes_ && tail_sent_ == tail_.size();
}

size_t McpOutgoing::held_bytes() const {
  return head_.size() + tail_.size() + (text_ == nullptr ? 0 : text_->size());
}

std::string McpOutgoing::NextPiece() {
  if (head_sent_ < head_.size()) return Take(head_, head_sent_);
  if (text_sent_ < text_bytes_) return NextTextPiece();
  return Take(tail_, tail_sent_);
}

std::string McpOutgoing::NextTextPiece() {
  size_t end = std::min(text_sent_ + kTextBytesMax, text_->size());
  // A character is not cut in two; what is no text has no characters to keep whole.
  for (int back = 0; back < 3 && end < text_->size() && Continues((*text_)[end]); ++back) --end;
  const absl::string_view piece(text_->data() + text_sent_, end - text_sent_);
  text_sent_ = end;
  const std::string quoted = DumpJson(Json(std::string(piece)));
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace iris
