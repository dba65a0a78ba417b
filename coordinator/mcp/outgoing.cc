#include "coordinator/mcp/outgoing.h"

#include "absl/strings/string_view.h"
#include "common/base/utf8.h"
#include "common/json/json.h"
#include "common/json/json_string.h"
#include "common/log/check.h"
#include "coordinator/mcp/message.h"

namespace iris {
namespace {

// The longest escape, \u001f, takes six bytes for one; a byte that is replaced, three. Most text
// has few of them, so a piece is filled bit by bit.
constexpr size_t kEscapedBytesMax = 6;
constexpr size_t kTextBytesMin = 1 << 10;

// Most text is UTF-8; DumpJson() of it takes four times as long.
void AppendQuotedPart(absl::string_view text, std::string& json) {
  if (IsUtf8(text)) return AppendEscaped(text, json);
  const std::string quoted = DumpJson(Json(std::string(text)));
  json.append(quoted, 1, quoted.size() - 2);
}

std::string Take(const std::string& from, size_t& sent) {
  const std::string piece = from.substr(sent, McpOutgoing::kPieceBytesMax);
  sent += piece.size();
  return piece;
}

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
  Check(text_ != nullptr, "a message is written without its text");
  std::string piece;
  for (size_t room = kPieceBytesMax;
       room >= kTextBytesMin * kEscapedBytesMax && text_sent_ < text_bytes_;
       room = kPieceBytesMax - piece.size()) {
    const absl::string_view rest = absl::string_view(*text_).substr(text_sent_);
    const absl::string_view some = Utf8Prefix(rest, room / kEscapedBytesMax);
    AppendQuotedPart(some, piece);
    text_sent_ += some.size();
  }
  return piece;
}

}  // namespace iris
