#ifndef IRIS_AGENT_APP_RELAY_H_
#define IRIS_AGENT_APP_RELAY_H_

#include "absl/time/time.h"

namespace iris {

enum class RelayEnd {
  kInputEnded,   // `in` is at its end, or nobody reads `out` any more.
  kSocketEnded,  // The other end of `socket` closed first.
};

// Carries bytes `in` → `socket` → `out` until one side has ended and what was under way is
// delivered, or `linger` after that end. At most 64 KiB wait in each direction; a slow reader stops
// its writer. The end of `in` half-closes `socket`. Newlines, and lines that begin with a blank,
// are dropped before the first other byte of `in`: they were for what a login shell's startup file
// may start in place of our command (docs/adr/0004-nudge.md). gRPC never begins so.
//
// Blocks. `in` and `out` are non-blocking meanwhile; SIGPIPE must be ignored.
RelayEnd Relay(int in, int out, int socket, absl::Duration linger);

}  // namespace iris

#endif  // IRIS_AGENT_APP_RELAY_H_
