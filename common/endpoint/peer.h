#ifndef IRIS_COMMON_ENDPOINT_PEER_H_
#define IRIS_COMMON_ENDPOINT_PEER_H_

#include "absl/status/status.h"

namespace iris {

// Who is at the other end of the connected UNIX socket `fd`, as the kernel knows it.
// FAILURE_PERMISSION_DENIED: not us (nor, for CheckServer, root, who may listen for us: systemd).
absl::Status CheckClient(int fd);
absl::Status CheckServer(int fd);

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_PEER_H_
