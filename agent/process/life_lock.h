#ifndef IRIS_AGENT_PROCESS_LIFE_LOCK_H_
#define IRIS_AGENT_PROCESS_LIFE_LOCK_H_

#include <string>

#include "common/base/scoped_fd.h"

namespace iris {

// A file that a child holds locked (flock) as long as anything of it runs: its keeper, claude, and
// what claude has started inherit one open file, and the kernel lets go of the lock with the last
// of them. So it tells of processes that cannot be seen from here, in another pid namespace.

// The lock at `path`, made where there is none, for a child to inherit. Not valid: there are no
// locks here, or no such file can be made; then nothing is told.
ScopedFd HoldLifeLock(const std::string& path);

// Nobody holds it any more. False also where that is not certain: there is no such file, or it
// cannot be locked.
bool IsLifeOver(const std::string& path);

}  // namespace iris

#endif  // IRIS_AGENT_PROCESS_LIFE_LOCK_H_
