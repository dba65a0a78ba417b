#include "coordinator/transport/line_skim.h"

namespace iris {
namespace {

constexpr absl::string_view kResult = "result";

}  // namespace

void LineSkim::Begin(bool leaves_result) {
  scan_.Reset();
  depth_ = 0;
  leaves_result_ = leaves_result;
  has_left_out_ = in_result_ = false;
  key_.clear();
}

absl::string_view LineSkim::Feed(absl::string_view piece) {
  kept_.clear();
  from_ = piece.data();
  scan_.Feed(piece);
  if (from_ == piece.data()) return piece;
  kept_.append(from_, piece.data() + piece.size());
  return kept_;
}

bool LineSkim::OnBegin(JsonKind kind) {
  if (depth_ != 1) return false;
  if (kind == JsonKind::kKey) {
    key_.clear();
    return leaves_result_;
  }
  in_result_ = leaves_result_ && kind == JsonKind::kString && key_ == kResult;
  has_left_out_ |= in_result_;
  return in_result_;
}

void LineSkim::OnPlain(absl::string_view bytes) {
  if (in_result_) {
    kept_.append(from_, bytes.data());
    from_ = bytes.data() + bytes.size();
  } else if (key_.size() <= kResult.size()) {
    key_.append(bytes.data(), bytes.size());
  }
}

// What is escaped is kept: the line stays JSON. A key that is written so is none of claude's.
void LineSkim::OnEscape(uint16_t) {
  if (!in_result_) key_ += '\\';
}

}  // namespace iris
