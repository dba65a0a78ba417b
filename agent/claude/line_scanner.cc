#include "agent/claude/line_scanner.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace iris {
namespace {

constexpr size_t kUuidsMax = 1024;
constexpr size_t kBlocksMax = 256;

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
    check_.Feed(piece);
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
  facts_.is_object = IsObject();
  check_.Reset();
  const LineFacts facts = std::exchange(facts_, {});
  const std::string head = std::exchange(head_, {});
  const bool whole = head.size() == line_bytes_;
  line_bytes_ = 0;
  bad_ = closed_ = in_string_ = escaped_ = expect_key_ = false;
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
      const size_t plain = PlainStringBytes(absl::string_view(at, static_cast<size_t>(end - at)));
      const char* const stop = at + plain;
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
        expect_key_ = true;
        break;
      default:
        if (depth_ == 1 && !expect_key_ && (c == 't' || c == 'f')) OnLiteral(c);
        break;
    }
  }
}

bool LineScanner::IsNamed(Place place) {
  return place == Place::kRoot || place == Place::kMessage || place == Place::kBlock;
}

LineScanner::Place LineScanner::PlaceOf(char bracket) const {
  if (depth_ == 0) return Place::kRoot;
  const bool object = bracket == '{';
  switch (Here()) {
    case Place::kRoot:
      if (object && key_ == "message") return Place::kMessage;
      return !object && key_ == "user_message_uuids" ? Place::kUuids : Place::kOther;
    case Place::kMessage:
      return !object && key_ == "content" ? Place::kContent : Place::kOther;
    case Place::kContent:
      return object && facts_.blocks.size() < kBlocksMax ? Place::kBlock : Place::kOther;
    default:
      return Place::kOther;
  }
}

void LineScanner::OnOpen(char bracket) {
  const Place place = PlaceOf(bracket);
  ++depth_;
  if (depth_ <= kPlacesDepth) places_[depth_] = place;
  expect_key_ = true;
  key_.clear();
  if (place == Place::kUuids) facts_.has_user_message_uuids = true;
  if (place == Place::kMessage) facts_.has_message = true;
  if (place == Place::kBlock) facts_.blocks.emplace_back();
}

void LineScanner::OnClose() {
  --depth_;
  expect_key_ = false;
  key_.clear();
  if (depth_ == 0) closed_ = true;
}

void LineScanner::OnStringStart() {
  in_string_ = true;
  text_.clear();
  role_ = Role::kSkip;
  const Place here = Here();
  if (IsNamed(here)) role_ = expect_key_ ? Role::kKey : Role::kValue;
  if (here == Place::kUuids) role_ = Role::kListItem;
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
      OnValue();
      key_.clear();
      return;
  }
}

void LineScanner::OnValue() {
  switch (Here()) {
    case Place::kRoot:
      if (key_ == "type") facts_.type = text_;
      if (key_ == "subtype") facts_.subtype = text_;
      if (key_ == "uuid") facts_.uuid = text_;
      if (key_ == "request_id") facts_.request_id = text_;
      if (key_ == "parent_tool_use_id") facts_.parent_tool_use_id = text_;
      if (key_ == "state") facts_.state = text_;
      if (key_ == "toolUseResult") facts_.tool_use_result = text_;
      return;
    case Place::kMessage:
      if (key_ == "model") facts_.model = text_;
      if (key_ == "stop_reason") facts_.stop_reason = text_;
      if (key_ == "content" && facts_.blocks.size() < kBlocksMax) {
        facts_.blocks.push_back({.type = "text", .id = "", .name = "", .text = text_});
      }
      return;
    case Place::kBlock: {
      LineFacts::Block& block = facts_.blocks.back();
      if (key_ == "type") block.type = text_;
      if (key_ == "id" || key_ == "tool_use_id") block.id = text_;
      if (key_ == "name") block.name = text_;
      if (key_ == "text") block.text = text_;
      return;
    }
    default:
      return;
  }
}

void LineScanner::OnLiteral(char first) {
  const bool value = first == 't';
  if (key_ == "is_error") facts_.is_error = value;
  if (key_ == "isReplay") facts_.is_replay = value;
  if (key_ == "isSidechain") facts_.is_sidechain = value;
  if (key_ == "isMeta" || key_ == "isCompactSummary") facts_.is_meta |= value;
  if (key_ == "isApiErrorMessage") facts_.is_api_error = value;
  key_.clear();
}

}  // namespace iris
