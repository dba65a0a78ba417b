#include "agent/session/line_scanner.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace iris {
namespace {

constexpr size_t kUuidsMax = 1024;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

void LineScanner::Feed(absl::string_view bytes) {
  while (!bytes.empty()) {
    const void* newline = memchr(bytes.data(), '\n', bytes.size());
    const bool ends = newline != nullptr;
    const size_t length =
        ends ? static_cast<size_t>(static_cast<const char*>(newline) - bytes.data()) : bytes.size();
    const absl::string_view piece = bytes.substr(0, length);
    if (head_.size() < kHeadBytesMax) {
      const absl::string_view kept = piece.substr(0, kHeadBytesMax - head_.size());
      head_.append(kept.data(), kept.size());
    }
    line_bytes_ += length;
    Scan(piece);
    sink_.OnLinePiece(piece, ends);
    if (ends) EndLine();
    bytes.remove_prefix(length + (ends ? 1 : 0));
  }
}

void LineScanner::Finish() {
  if (line_bytes_ == 0) return;
  sink_.OnLinePiece({}, true);
  EndLine();
}

void LineScanner::EndLine() {
  facts_.is_object = closed_ && !bad_;
  const LineFacts facts = std::exchange(facts_, {});
  const std::string head = std::exchange(head_, {});
  const bool whole = head.size() == line_bytes_;
  line_bytes_ = 0;
  bad_ = closed_ = in_string_ = escaped_ = expect_key_ = in_uuid_list_ = false;
  depth_ = 0;
  role_ = Role::kSkip;
  key_.clear();
  text_.clear();
  sink_.OnLine(facts, head, whole);
}

void LineScanner::Scan(absl::string_view piece) {
  const char* at = piece.data();
  const char* const end = at + piece.size();
  while (at < end && !bad_) {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
        if (role_ != Role::kSkip && text_.size() < kValueBytesMax) text_.push_back(*at);
        ++at;
        continue;
      }
      // The bulk of every long line is one string: run to its next special byte.
      const char* stop = std::find_if(at, end, [](char c) { return c == '"' || c == '\\'; });
      if (role_ != Role::kSkip && text_.size() < kValueBytesMax) {
        text_.append(at, std::min<size_t>(stop - at, kValueBytesMax - text_.size()));
      }
      if (stop < end && *stop == '"') OnStringEnd();
      if (stop < end && *stop == '\\') escaped_ = true;
      at = stop < end ? stop + 1 : end;
      continue;
    }
    const char c = *at++;
    if (IsSpace(c)) continue;
    if (depth_ == 0) {
      if (c == '{' && !closed_) {
        OnOpen(c);
      } else {
        bad_ = true;
      }
      continue;
    }
    switch (c) {
      case '{':
      case '[':
        OnOpen(c);
        break;
      case '}':
      case ']':
        OnClose();
        break;
      case '"':
        OnStringStart();
        break;
      case ',':
        if (depth_ == 1) expect_key_ = true;
        break;
      default:
        if (depth_ == 1 && !expect_key_ && (c == 't' || c == 'f')) OnLiteral(c);
        break;
    }
  }
}

void LineScanner::OnOpen(char bracket) {
  ++depth_;
  if (depth_ == 1) expect_key_ = true;
  if (depth_ == 2 && bracket == '[' && key_ == "user_message_uuids") {
    in_uuid_list_ = true;
    facts_.has_user_message_uuids = true;
  }
}

void LineScanner::OnClose() {
  --depth_;
  if (depth_ == 1) {
    in_uuid_list_ = false;
    key_.clear();
  }
  if (depth_ == 0) closed_ = true;
}

void LineScanner::OnStringStart() {
  in_string_ = true;
  text_.clear();
  role_ = Role::kSkip;
  if (depth_ == 1) role_ = expect_key_ ? Role::kKey : Role::kValue;
  if (depth_ == 2 && in_uuid_list_) role_ = Role::kListItem;
}

void LineScanner::OnStringEnd() {
  in_string_ = false;
  switch (role_) {
    case Role::kSkip:
      return;
    case Role::kKey:
      expect_key_ = false;
      key_ = text_;
      return;
    case Role::kListItem:
      if (facts_.user_message_uuids.size() < kUuidsMax) facts_.user_message_uuids.push_back(text_);
      return;
    case Role::kValue:
      if (key_ == "type") facts_.type = text_;
      if (key_ == "subtype") facts_.subtype = text_;
      if (key_ == "uuid") facts_.uuid = text_;
      key_.clear();
      return;
  }
}

void LineScanner::OnLiteral(char first) {
  if (key_ == "is_error") facts_.is_error = first == 't';
  if (key_ == "isReplay") facts_.is_replay = first == 't';
  key_.clear();
}

}  // namespace iris
