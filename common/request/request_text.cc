#include "common/request/request_text.h"

#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "nlohmann/json.hpp"

namespace iris {
namespace {

using json = nlohmann::ordered_json;  // As claude wrote it.

constexpr size_t kTextBytesMax = 200;

json Parse(absl::string_view text) {
  return json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

// A member of `object`, or null: the peer's JSON may hold anything.
const json& Member(const json& object, const char* key) {
  static const json kNull;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : kNull;
}

std::string Text(const json& value) { return value.is_string() ? value.get<std::string>() : ""; }

}  // namespace

std::string RequestText(const v1::PendingRequest& request) {
  const json message = Parse(request.json());
  const json& asked = Member(message, "request");
  std::string text = Text(Member(asked, "tool_name"));
  if (text.empty()) text = request.subtype();
  const json& input = Member(asked, "input");
  // What would be done says more than how claude puts it.
  std::string what = Text(Member(input, "command"));
  if (what.empty()) what = Text(Member(asked, "description"));
  if (what.empty() && !input.is_null()) {
    what = input.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  if (!what.empty()) absl::StrAppend(&text, ": ", what);
  return ToUtf8(text.substr(0, kTextBytesMax));
}

std::string RequestInput(const v1::PendingRequest& request) {
  const json message = Parse(request.json());
  const json& input = Member(Member(message, "request"), "input");
  return input.is_null() ? "" : input.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace iris
