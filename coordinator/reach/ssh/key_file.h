#ifndef IRIS_COORDINATOR_REACH_SSH_KEY_FILE_H_
#define IRIS_COORDINATOR_REACH_SSH_KEY_FILE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/reach/ssh/ssh_connect.h"

namespace iris {

// A refused login, with what this machine knows of the keys that ssh was to offer: a key file that
// the team or ssh's configuration names, and that does not exist or is no key, is most likely why.
// `log`: ssh's own lines. Any other failure, and a jump host's refusal, comes back as it is.
absl::Status WithKeyFile(const absl::Status& refused, const SshTarget& target,
                         absl::string_view log);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_KEY_FILE_H_
