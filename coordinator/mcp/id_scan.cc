#include "coordinator/mcp/id_scan.h"

#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "coordinator/mcp/whole_characters.h"

namespace iris {
namespace {

// Of an id as it is written. A longer one is cut, and no id then.
constexpr size_t kTokenBytesMax = 64 << 10;

}  // namespace

void McpIdScan::Take(absl::string_view text) {
  for (const char c : text) TakeCharacter(c);
}

void McpIdScan::TakeCharacter(char c) {
  if (!in_string_) return TakeBare(c);
  Keep(c);
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    in_string_ = false;
  }
}

void McpIdScan::TakeBare(char c) {
  switch (c) {
    case '"':
      in_string_ = true;
      return Keep(c);
    case '{':
    case '[':
      Keep(c);  // An id that is an object is none.
      ++depth_;
      return;
    case '}':
    case ']':
      if (depth_ == 1) EndMember();
      if (depth_ > 0) --depth_;
      return;
    case ',':
      if (depth_ == 1) EndMember();
      return;
    case ':':
      if (depth_ != 1) return;
      is_id_ = absl::StripAsciiWhitespace(token_) == "\"id\"";
      token_.clear();
      return;
    default:
      return Keep(c);
  }
}

void McpIdScan::Keep(char c) {
  if (depth_ == 1 && token_.size() < kTokenBytesMax) token_ += c;
}

void McpIdScan::EndMember() {
  if (std::exchange(is_id_, false)) {
    Json id = Json::parse(WithWholeCharacters(token_), nullptr, /*allow_exceptions=*/false);
    if (IsMcpId(id)) id_ = std::move(id);
  }
  token_.clear();
}

Json FindMcpId(absl::string_view text) {
  McpIdScan scan;
  scan.Take(text);
  return scan.id();
}

}  // namespace iris
