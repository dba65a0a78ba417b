#ifndef IRIS_COORDINATOR_CONFIG_KEY_VALUE_H_
#define IRIS_COORDINATOR_CONFIG_KEY_VALUE_H_

#include "absl/status/statusor.h"
#include "coordinator/config/config_source.h"
#include "coordinator/config/schema.h"
#include "nlohmann/json.hpp"

namespace iris {

// The value of `key` from the file: of the key's type, variables expanded, within the key's bounds,
// without control characters (a description may have line breaks and tabs).
// FAILURE_BAD_REQUEST otherwise.
absl::StatusOr<KeyValue> ReadKeyValue(const Key& key, const nlohmann::json& value,
                                      const EnvLookup& env);

// "a whole number of milliseconds, 100–600000": what `key` takes, for messages and the document.
std::string ValueForm(const Key& key);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_KEY_VALUE_H_
