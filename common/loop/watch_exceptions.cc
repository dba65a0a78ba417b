// What is known to block a loop, or to hold it up. Whoever mends one removes its line.

#include "common/loop/watchdog.h"

namespace iris {

const std::vector<WatchException>& KnownWatchExceptions() {
  static const auto* const known = new std::vector<WatchException>{
      {.what = "LockClaims",
       .where = "",
       .why =
           "a session that claims its conversation waits up to 200 ms for the lock of the claims, "
           "which another agent of that home may have",
       .mender = "agent/session"},
  };
  return *known;
}

}  // namespace iris
