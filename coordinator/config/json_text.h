#ifndef IRIS_COORDINATOR_CONFIG_JSON_TEXT_H_
#define IRIS_COORDINATOR_CONFIG_JSON_TEXT_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace iris {

// A JSON file and where its keys stand, so that a refusal can name the line.
struct JsonText {
  nlohmann::json root;
  absl::flat_hash_map<std::string, int> lines;  // Key path -> line, from 1.
};

// "teams" below "" is "teams"; "gpu" below "teams" is "teams.gpu". A path is for people:
// what it shows of `key` is what Shown() does.
std::string KeyPath(absl::string_view parent, absl::string_view key);

// Parses strict JSON (no comments), at most kJsonDepthMax levels deep. `file` is for the message
// only. FAILURE_BAD_REQUEST, as "FILE:LINE:COLUMN: …" or "FILE:LINE: KEY PATH: …": a syntax error,
// text that is not UTF-8, a key given twice in one object.
inline constexpr int kJsonDepthMax = 16;
absl::StatusOr<JsonText> ParseJsonText(absl::string_view text, absl::string_view file);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_JSON_TEXT_H_
