#include "common/request/request_text.h"

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "common/json/peer_json.h"

namespace iris {
namespace {

constexpr size_t kTextBytesMax = 200;
constexpr size_t kIdBytesMax = 64;
constexpr size_t kIndentedBytesMax = 512 << 10;

}  // namespace

bool IsRequestId(absl::string_view id) {
  return !id.empty() && id.size() <= kIdBytesMax && absl::c_all_of(id, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
}

std::string RequestText(const v1::PendingRequest& request) {
  const PeerJson message = ParsePeerJson(request.json());
  const PeerJson& asked = MemberOf(message, "request");
  std::string text = TextIn(asked, "tool_name");
  if (text.empty()) text = request.subtype();
  const PeerJson& input = MemberOf(asked, "input");
  // What would be done says more than how claude puts it.
  std::string what = TextIn(input, "command");
  if (what.empty()) what = TextIn(asked, "description");
  if (what.empty() && !input.is_null()) what = DumpPeerJson(input);
  if (!what.empty()) absl::StrAppend(&text, ": ", what);
  // Blanks and lines must not push the end out of sight.
  for (char& c : text) {
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) c = ' ';
  }
  absl::RemoveExtraAsciiWhitespace(&text);
  return CutUtf8(text, kTextBytesMax);
}

std::string RequestInput(const v1::PendingRequest& request) {
  const PeerJson message = ParsePeerJson(request.json());
  const PeerJson& input = MemberOf(MemberOf(message, "request"), "input");
  if (input.is_null()) return "";
  std::string indented = input.dump(2, ' ', false, PeerJson::error_handler_t::replace);
  return indented.size() <= kIndentedBytesMax ? indented : DumpPeerJson(input);
}

}  // namespace iris
