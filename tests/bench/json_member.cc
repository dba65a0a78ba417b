#include "tests/bench/json_member.h"

#include <algorithm>
#include <cstddef>

namespace iris::bench {
namespace {

// Just behind the string that begins at `at`.
size_t EndOfString(std::string_view json, size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
  }
  return std::min(at + 1, json.size());
}

// Just behind the value that begins at `at`.
size_t EndOfValue(std::string_view json, size_t at) {
  int depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      at = EndOfString(json, at);
      if (depth == 0) return at;
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}' || c == ']')) return at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
    ++at;
  }
  return at;
}

}  // namespace

std::string_view JsonMember(std::string_view object, std::string_view key) {
  size_t at = object.find('{');
  while (at != std::string_view::npos) {
    at = object.find('"', at);
    if (at == std::string_view::npos) break;
    const size_t name_end = EndOfString(object, at);
    const size_t colon = object.find(':', name_end);
    if (colon == std::string_view::npos) break;
    const size_t value = object.find_first_not_of(" \t", colon + 1);
    if (value == std::string_view::npos) break;
    const size_t end = EndOfValue(object, value);
    if (JsonInside(object.substr(at, name_end - at)) == key) {
      return object.substr(value, end - value);
    }
    at = end;
  }
  return {};
}

std::string_view JsonInside(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') return {};
  return value.substr(1, value.size() - 2);
}

}  // namespace iris::bench
