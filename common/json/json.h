#ifndef IRIS_COMMON_JSON_JSON_H_
#define IRIS_COMMON_JSON_JSON_H_

#include <string>

#include "nlohmann/json.hpp"

namespace iris {

// Keys stay in the order they were set, or came in: people read it.
using Json = nlohmann::ordered_json;

// One line. Bytes that are not UTF-8 become U+FFFD.
inline std::string DumpJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace iris

#endif  // IRIS_COMMON_JSON_JSON_H_
