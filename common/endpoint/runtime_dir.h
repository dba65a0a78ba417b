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
  // A file of this user, for this boot of this host, that says what its folder in `tmp` is called
  // where the usual name was taken by somebody else. Empty = there is no home: then no other name.
  std::string other_name = "";
};

RuntimeRoots SystemRuntimeRoots();

// The directory of this user's daemons for `home` (see FindEndpoint()), made and checked. A root is
// passed over, not refused, where it is not a directory of ours alone (su and sudo leave the
// caller's XDG_RUNTIME_DIR behind) or where a path below it would be too long for a socket.
//
// Anybody can make a /tmp/iris-UID before its user does. Then it is a folder with a name that
// nobody can guess, kept in `other_name`, which both ends of a socket read; it stays so until the
// next boot. (Not in the home itself: hosts may share that, and its path may be too long for a
// socket.)
//
// FAILURE_STORAGE: the directory is not ours, is open to others or cannot be made; the detail names
// its owner.
// FAILURE_BAD_REQUEST: `home` is not an absolute path.
absl::StatusOr<std::string> FindRuntimeDir(const RuntimeRoots& roots, absl::string_view home);

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_RUNTIME_DIR_H_
