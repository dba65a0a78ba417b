#ifndef IRIS_COORDINATOR_CONFIG_CONFIG_SOURCE_H_
#define IRIS_COORDINATOR_CONFIG_CONFIG_SOURCE_H_

#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace iris {

// The value of an environment variable; nullopt if it is not set.
using EnvLookup = std::function<absl::optional<std::string>(absl::string_view name)>;

// Everything outside the file that a configuration depends on.
struct ConfigSource {
  std::string path;  // Of the file; errors name it.
  EnvLookup env;
  std::string home;  // What ~/ stands for on this machine; empty = unknown, then ~/ is refused.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_CONFIG_SOURCE_H_
