#ifndef IRIS_COORDINATOR_CONFIG_FILE_YAML_SCALAR_H_
#define IRIS_COORDINATOR_CONFIG_FILE_YAML_SCALAR_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace iris {

// A plain (unquoted) scalar as the core schema of YAML 1.2 types it (yaml.org/spec/1.2.2, 10.3.2):
// null, true and false in three spellings each, integers in base 10, 0o8 and 0x16, floating point;
// else a string. FAILURE_BAD_REQUEST: a number that is infinite or none.
absl::StatusOr<nlohmann::json> TypeYamlScalar(absl::string_view text);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_YAML_SCALAR_H_
