#ifndef IRIS_COMMON_ENDPOINT_RUNTIME_DIR_H_
#define IRIS_COMMON_ENDPOINT_RUNTIME_DIR_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace iris {

// Where runtime directories may be on this host; a test has roots of its own.
struct RuntimeRoots {
  std::string xdg_runtime_dir;  // $XDG_RUNTIME_DIR, or empty.
  std::string run_user;         // "/run/user".
  std::string tmp;              // "/tmp".
};

RuntimeRoots SystemRuntimeRoots();

// The directory of this user's daemons for `home` (see FindEndpoint()), made and checked. A root is
// passed over, not refused, where it is not a directory of ours alone (su and sudo leave the
// caller's XDG_RUNTIME_DIR behind) or where a path below it would be too long for a socket.
// FAILURE_STORAGE: the directory is not ours, is open to others or cannot be made.
// FAILURE_BAD_REQUEST: `home` is not an absolute path.
absl::StatusOr<std::string> FindRuntimeDir(const RuntimeRoots& roots, absl::string_view home);

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_RUNTIME_DIR_H_
