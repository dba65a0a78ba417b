// What is known to block a loop, or to hold it up. Whoever mends one removes its line.

#include "common/loop/watchdog.h"

namespace iris {

const std::vector<WatchException>& KnownWatchExceptions() {
  static const auto* const known = new std::vector<WatchException>{
      {.what = "Dial",
       .where = "",
       .why = "`iris stop --agents` asks on the loop whether a local agent runs, and waits up to a "
              "second for its hello (stop_reach.cc, LocalAgentRuns)",
       .mender = "coordinator/link"},
  };
  return *known;
}

}  // namespace iris
