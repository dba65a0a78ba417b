#ifndef IRIS_COORDINATOR_CONFIG_KEY_VALUE_H_
#define IRIS_COORDINATOR_CONFIG_KEY_VALUE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/config/config_source.h"
#include "coordinator/config/key.h"
#include "nlohmann/json.hpp"

namespace iris {

// The value of `key`, which is not of type kVariables, from the file: of the key's type, variables
// expanded, within the key's bounds, without control characters (a description may have line breaks
// and tabs). A number or a flag may be text with a variable in it. FAILURE_BAD_REQUEST otherwise.
absl::StatusOr<KeyValue> ReadKeyValue(const Key& key, const nlohmann::json& value,
                                      const EnvLookup& env);

// One variable of a key of type kVariables, with its variables expanded; its value may be empty,
// and have line breaks and tabs. FAILURE_BAD_REQUEST: the name is none, or one that is not to be
// set; the value is no string, or too long.
absl::StatusOr<EnvSetting> ReadVariable(const std::string& name, const nlohmann::json& value,
                                        const EnvLookup& env);

// FAILURE_BAD_REQUEST: `name` is no variable's, or one that claude and Iris set themselves.
absl::Status CheckVariable(absl::string_view name);

// "a whole number of milliseconds, 100–600000": what `key` takes, for messages and the document.
std::string ValueForm(const Key& key);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_KEY_VALUE_H_
