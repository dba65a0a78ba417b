#ifndef IRIS_COORDINATOR_CONFIG_PATH_VALUE_H_
#define IRIS_COORDINATOR_CONFIG_PATH_VALUE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace iris {

// What keys that hold a path have in common.

inline constexpr int64_t kPathBytesMax = 4096;
inline constexpr absl::string_view kPathForm = "absolute path or `~/…`";  // For people.

// Stores a path that a host will resolve, so ~/ stays. FAILURE_BAD_REQUEST: it is not absolute.
absl::Status StoreHostPath(std::string path, std::string* out);

// Stores a path on this machine, absolute; `home` is what ~/ stands for. FAILURE_BAD_REQUEST: it is
// not absolute, or `home` is empty and needed.
absl::Status StoreLocalPath(std::string path, absl::string_view home, std::string* out);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_PATH_VALUE_H_
