#ifndef IRIS_COMMON_ENDPOINT_PRIVATE_DIR_H_
#define IRIS_COMMON_ENDPOINT_PRIVATE_DIR_H_

#include <string>

#include "absl/status/status.h"

namespace iris {

// Makes sure that `path` (absolute) is a directory that we own and that nobody else can read or
// write; makes it, 0700, where it is missing, but not what is above it. A symbolic link is refused.
// FAILURE_STORAGE: it is none of that; the detail says why and names
// a stranger who owns it, the fix says what to do.
absl::Status EnsurePrivateDir(const std::string& path);

// Makes what is missing above `path` and `path` itself, 0700. `path` must be a directory that we
// own and that nobody else can write; others may read one that was there before us. What is there
// above it is left as it is, and may be a symbolic link (a home often is one). FAILURE_STORAGE: as
// above.
absl::Status EnsureOwnPath(const std::string& path);

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_PRIVATE_DIR_H_
