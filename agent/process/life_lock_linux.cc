#include <fcntl.h>
#include <sys/file.h>

#include "agent/process/life_lock.h"
#include "common/base/same_file.h"

namespace iris {

ScopedFd HoldLifeLock(const std::string& path) {
  ScopedFd file(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  // Shared: what an earlier child has left may hold it too.
  if (!file || flock(file.get(), LOCK_SH | LOCK_NB) != 0) return ScopedFd();
  return file;
}

bool IsLifeOver(const std::string& path) {
  // For reading and writing: NFS asks for that.
  const ScopedFd file(open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  return file && flock(file.get(), LOCK_EX | LOCK_NB) == 0 && IsSameFile(path, file.get());
}

}  // namespace iris
