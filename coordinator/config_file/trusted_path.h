#ifndef IRIS_COORDINATOR_CONFIG_FILE_TRUSTED_PATH_H_
#define IRIS_COORDINATOR_CONFIG_FILE_TRUSTED_PATH_H_

#include <string>

#include "absl/status/status.h"

namespace iris {

// Whether nobody but us and root can change what is read at `path` (absolute): a configuration
// names programs that we start. As ssh and sshd do: the file, every directory and every link on the
// way to it belongs to us or to root and is writable by nobody else. A directory with the sticky
// bit (/tmp) may be: what is of ours in it, others cannot replace. A group may write if it is the
// private one of the owner (umask 002); the system's databases are asked for that once for each
// account and group, so that whoever checks again on a loop does not wait for them. For what lies
// in `home` nobody looks above that.
//
// OK also where nothing is there: reading it will say so. FAILURE_BAD_REQUEST: somebody else can;
// the detail says who, the fix has the command.
absl::Status CheckTrustedPath(const std::string& path, const std::string& home);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_TRUSTED_PATH_H_
