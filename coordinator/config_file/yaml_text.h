#ifndef IRIS_COORDINATOR_CONFIG_FILE_YAML_TEXT_H_
#define IRIS_COORDINATOR_CONFIG_FILE_YAML_TEXT_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/config_file/config_text.h"

namespace iris {

// Parses one YAML document into what the same text in JSON would be, at most kConfigDepthMax levels
// deep. Plain scalars are typed by the core schema of YAML 1.2: null, true, false and numbers in
// its spellings; all else, `yes` and dates too, is a string. Keys are text as it stands.
//
// FAILURE_BAD_REQUEST, as ParseJsonText(): also for what a configuration does not need and JSON
// does not have, that is anchors, aliases, tags, directives, keys that are no scalar, and a second
// document.
absl::StatusOr<ConfigText> ParseYamlText(absl::string_view text, absl::string_view file);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_YAML_TEXT_H_
