#ifndef IRIS_COORDINATOR_REACH_SSH_REMOTE_OPTIONS_H_
#define IRIS_COORDINATOR_REACH_SSH_REMOTE_OPTIONS_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/config/config.h"
#include "coordinator/reach/ssh/remote_command.h"

namespace iris {

// Settles what a team says twice. `given` holds the keys ("port", "identity") that its
// remoteOptions have; `settings` is what its `remote` says. Where only `remote` gives
// connectTimeout, serverAliveInterval or serverAliveCountMax, the value is taken over into
// `options`. FAILURE_BAD_REQUEST: both give an option, with different values; or one of the three
// is out of the range that it has in remoteOptions.
absl::Status ReconcileRemoteOptions(absl::Span<const SshSetting> settings,
                                    const absl::flat_hash_set<std::string>& given,
                                    absl::string_view home, RemoteOptions* options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_REMOTE_OPTIONS_H_
