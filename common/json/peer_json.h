#ifndef IRIS_COMMON_JSON_PEER_JSON_H_
#define IRIS_COMMON_JSON_PEER_JSON_H_

#include <string>

#include "absl/strings/string_view.h"
#include "common/json/json.h"

namespace iris {

// JSON that somebody else wrote, and that may hold anything.
using PeerJson = Json;

// Copying and writing a value takes stack for each level.
inline constexpr int kPeerJsonDepthMax = 64;

// Counts brackets outside of strings.
inline bool NestsTooDeep(absl::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kPeerJsonDepthMax) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

// What is no JSON, or nests deeper than that, becomes a value without members.
inline PeerJson ParsePeerJson(absl::string_view text) {
  if (NestsTooDeep(text)) return PeerJson(PeerJson::value_t::discarded);
  return PeerJson::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

// A member of `object`, or null. Refers to `object`.
inline const PeerJson& MemberOf(const PeerJson& object, const char* key) {
  static const PeerJson kNull;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : kNull;
}
const PeerJson& MemberOf(PeerJson&& object, const char* key) = delete;

// A string in `object`, or "".
inline std::string TextIn(const PeerJson& object, const char* key) {
  const PeerJson& member = MemberOf(object, key);
  return member.is_string() ? member.get<std::string>() : "";
}

inline std::string DumpPeerJson(const PeerJson& json) { return DumpJson(json); }

}  // namespace iris

#endif  // IRIS_COMMON_JSON_PEER_JSON_H_
