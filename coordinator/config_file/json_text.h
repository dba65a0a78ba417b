#ifndef IRIS_COORDINATOR_CONFIG_FILE_JSON_TEXT_H_
#define IRIS_COORDINATOR_CONFIG_FILE_JSON_TEXT_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/config_file/config_text.h"

namespace iris {

// Parses strict JSON (no comments), at most kConfigDepthMax levels deep. `file` is for the message
// only. FAILURE_BAD_REQUEST, as "FILE:LINE:COLUMN: …" or "FILE:LINE: KEY PATH: …": a syntax error,
// text that is not UTF-8, a key given twice in one object.
absl::StatusOr<ConfigText> ParseJsonText(absl::string_view text, absl::string_view file);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_JSON_TEXT_H_
