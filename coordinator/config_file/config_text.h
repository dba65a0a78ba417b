#ifndef IRIS_COORDINATOR_CONFIG_FILE_CONFIG_TEXT_H_
#define IRIS_COORDINATOR_CONFIG_FILE_CONFIG_TEXT_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace iris {

// A configuration as it was written, JSON or YAML alike, and where its keys stand, so that a
// refusal can name the line.
struct ConfigText {
  nlohmann::json root;
  absl::flat_hash_map<std::string, int> lines;  // Key path -> line, from 1.
};

// Levels of objects and arrays in each other.
inline constexpr int kConfigDepthMax = 16;

// "teams" below "" is "teams"; "gpu" below "teams" is "teams.gpu". A path is for people:
// what it shows of `key` is what Shown() does.
std::string KeyPath(absl::string_view parent, absl::string_view key);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_CONFIG_TEXT_H_
