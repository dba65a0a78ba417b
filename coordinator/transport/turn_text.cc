#include "coordinator/transport/turn_text.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using nlohmann::json;

constexpr size_t kKeptBufferMax = 1 << 20;

// A member of `object`, or null – a host's JSON may hold anything.
const json& Member(const json& object, const char* key) {
  static const json kNull;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : kNull;
}

bool IsString(const json& value, absl::string_view text) {
  return value.is_string() && value.get_ref<const std::string&>() == text;
}

}  // namespace

void TurnText::Begin() {
  any_text_ = false;
  result_.clear();
  broken_.clear();
}

std::string TurnText::Feed(absl::string_view piece, bool ends_line) {
  if (half_bytes_ + piece.size() > kLineBytesMax) {
    too_long_ = true;
    ForgetHalf();
  }
  if (!too_long_) {
    half_->Append(piece);
    half_bytes_ += piece.size();
  }
  if (!ends_line) return "";
  if (std::exchange(too_long_, false)) {
    broken_ = absl::StrCat("a line of its output is longer than ", kLineBytesMax >> 20, " MiB");
    return "";
  }
  line_ = half_->Take();
  ForgetHalf();
  std::string text = OnLine();
  line_.clear();
  if (line_.capacity() > kKeptBufferMax) line_.shrink_to_fit();
  return text;
}

TurnMark TurnText::mark() const {
  return {.any_text = any_text_, .result = result_, .broken = broken_, .skips_line = too_long_};
}

void TurnText::ForgetHalf() {
  half_ = std::make_shared<HalfLine>();  // Who went away from the old one may come back to it.
  half_bytes_ = 0;
}

void TurnText::Restore(const TurnMark& mark, absl::string_view half) {
  any_text_ = mark.any_text;
  result_ = mark.result;
  broken_ = mark.broken;
  too_long_ = mark.skips_line;
  ForgetHalf();
  half_->Append(half);
  half_bytes_ = half.size();
}

void TurnText::DropLine() {
  too_long_ = false;
  ForgetHalf();
}

std::string TurnText::OnLine() {
  // The result repeats the last text, which may be large: not read where it is of no use.
  if (any_text_ && absl::StartsWith(line_, "{\"type\":\"result\"")) return "";
  json message = json::parse(line_, nullptr, /*allow_exceptions=*/false);
  if (message.is_discarded()) {
    if (absl::StartsWith(line_, "{\"type\":\"assistant\"")) {
      broken_ = "a line of its output is not JSON";
    }
    return "";
  }
  if (IsString(Member(message, "type"), "result")) {
    const json& result = Member(message, "result");
    if (result.is_string()) result_ = result.get<std::string>();
    return "";
  }
  if (!IsString(Member(message, "type"), "assistant")) return "";
  if (!Member(message, "parent_tool_use_id").is_null()) return "";
  const json& content = Member(Member(message, "message"), "content");
  if (!content.is_array()) return "";
  std::string added;
  for (const json& block : content) {
    const json& text = Member(block, "text");
    if (!IsString(Member(block, "type"), "text") || !text.is_string()) continue;
    absl::StrAppend(&added, std::exchange(any_text_, true) ? "\n\n" : "",
                    text.get_ref<const std::string&>());
  }
  return added;
}

std::string TurnText::Finish() { return any_text_ ? "" : std::exchange(result_, {}); }

}  // namespace iris
