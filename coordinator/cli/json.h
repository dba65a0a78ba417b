#ifndef IRIS_COORDINATOR_CLI_JSON_H_
#define IRIS_COORDINATOR_CLI_JSON_H_

#include <string>

#include "common/failure/failure.h"
#include "coordinator/cli/text.h"
#include "nlohmann/json.hpp"

namespace iris {

using Json = nlohmann::ordered_json;  // People read it: keys stay in the order they were set.

// One line. Bytes that are not UTF-8 become U+FFFD; what a terminal would obey is escaped.
inline std::string Dump(const Json& json) {
  return EscapeInJson(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

inline Json FailureJson(const Failure& failure) {
  Json json = {
      {"kind", std::string(KindName(KindOf(failure)))},
      {"detail", failure.detail()},
      {"fix", failure.fix().empty() ? std::string(FixFor(KindOf(failure))) : failure.fix()}};
  if (failure.rate_limit().resets_at_ms() != 0) {
    json["resets_at_ms"] = failure.rate_limit().resets_at_ms();
  }
  return json;
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_JSON_H_
