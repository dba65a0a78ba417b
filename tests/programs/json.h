#ifndef IRIS_TESTS_PROGRAMS_JSON_H_
#define IRIS_TESTS_PROGRAMS_JSON_H_

#include <string>

#include "nlohmann/json.hpp"

namespace iris::stub {

// Keeps the order of keys, so that lines read like claude's own.
using Json = nlohmann::ordered_json;

// The string at `key`, or `otherwise` where it is absent or something else.
inline std::string StringAt(const Json& object, const char* key, std::string otherwise = "") {
  if (!object.is_object()) return otherwise;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return otherwise;
  return found->get<std::string>();
}

// The object at `key`; an empty object where there is none.
inline Json ObjectAt(const Json& object, const char* key) {
  if (!object.is_object()) return Json::object();
  const auto found = object.find(key);
  if (found == object.end() || !found->is_object()) return Json::object();
  return *found;
}

// One line of text without the newline. Bytes that are not UTF-8 become U+FFFD.
inline std::string ToLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace iris::stub

#endif  // IRIS_TESTS_PROGRAMS_JSON_H_
