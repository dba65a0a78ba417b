#ifndef IRIS_COMMON_ENDPOINT_DATA_LOCK_H_
#define IRIS_COMMON_ENDPOINT_DATA_LOCK_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/endpoint.h"
#include "common/endpoint/lock_holder.h"

namespace iris {

// The lock on what a daemon keeps, held for life besides the endpoint's. Two processes of one
// account may see different endpoints (a login brings /run/user/UID, an environment its own
// XDG_RUNTIME_DIR), and one endpoint may go while its daemon lives; whatever they see, one daemon
// keeps one directory. `path` is the lock's file. Not valid where the file system has no locks.
// AlreadyExists: another process holds it.
absl::StatusOr<ScopedFd> LockData(const std::string& path);

// The holder of `lock` notes the socket at which it listens.
void NoteSocket(const ScopedFd& lock, const std::string& socket);

// Who holds the lock at `path`. Nullopt: nobody.
absl::optional<LockHolder> FindDataHolder(const std::string& path);

// Leads whoever looks at `endpoint`, whose lock the caller holds, to the one that keeps the data
// and listens elsewhere.
void LeadTo(const std::string& socket, const Endpoint& endpoint);

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_DATA_LOCK_H_
