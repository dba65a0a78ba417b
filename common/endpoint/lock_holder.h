#ifndef IRIS_COMMON_ENDPOINT_LOCK_HOLDER_H_
#define IRIS_COMMON_ENDPOINT_LOCK_HOLDER_H_

#include <sys/types.h>

#include <string>

#include "common/base/scoped_fd.h"

namespace iris {

// Who holds a lock, by what it noted in the lock's file.
struct LockHolder {
  pid_t pid = 0;         // 0 = not known. On this host it is that process and no other.
  std::string socket;    // Where it listens; empty = not noted (yet).
  std::string hostname;  // Directories may be shared by hosts; empty = not noted.
  std::string pids;      // Boot id and pid namespace, within which `pid` is one; empty = not noted.
  // By `pids`: hosts and containers may have one name, and one may be renamed. By name where they
  // are not known.
  bool is_on_this_host() const;
};

// Notes this process in the file of `lock`, which it holds. Whoever reads while it notes another
// socket sees whose lock it is all the same. Without room for a note the lock holds all the same.
void NoteHolder(const ScopedFd& lock, const std::string& socket);

// What is noted in the file that is open as `fd`. A note outlives its holder, and the next holder
// needs a moment for its own: of a process of this host that is gone, nothing is returned.
LockHolder ReadHolder(int fd);

}  // namespace iris

#endif  // IRIS_COMMON_ENDPOINT_LOCK_HOLDER_H_
