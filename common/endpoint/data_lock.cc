#include "common/endpoint/data_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "common/log/log.h"

namespace iris {

absl::StatusOr<ScopedFd> LockData(const std::string& path) {
  absl::StatusOr<ScopedFd> lock =
      LockEndpoint({.dir = path.substr(0, path.rfind('/')), .socket = "", .lock = path});
  if (lock.ok() || absl::IsAlreadyExists(lock.status())) return lock;
  // NFS without a lock daemon. The endpoint's lock has to do.
  LogWarn("no lock on the data directory: ", lock.status().message());
  return ScopedFd();
}

void NoteSocket(const ScopedFd& lock, const std::string& socket) {
  if (lock) NoteHolder(lock, socket);
}

absl::optional<LockHolder> FindDataHolder(const std::string& path) {
  const ScopedFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return absl::nullopt;
  if (flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return absl::nullopt;
  return ReadHolder(fd.get());
}

void LeadTo(const std::string& socket, const Endpoint& endpoint) {
  if (socket.empty() || socket == endpoint.socket) return;
  unlink(endpoint.socket.c_str());
  (void)!symlink(socket.c_str(), endpoint.socket.c_str());
}

}  // namespace iris
