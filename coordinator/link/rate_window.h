#ifndef IRIS_COORDINATOR_LINK_RATE_WINDOW_H_
#define IRIS_COORDINATOR_LINK_RATE_WINDOW_H_

#include <cstdint>

#include "absl/time/time.h"

namespace iris {

// How many bytes may be on their way over a link, one way: what it delivers in two seconds, so that
// whatever is said next waits no longer than that. (Less than TCP would have on its way itself
// keeps it from learning the rate, and a packet that is lost twice takes a second.) Begins small
// and at most doubles with every window that has arrived; a link that became slower is noticed
// within two seconds.
//
// A sender that has little to say looks like a slow link: then the window is small, and grows again
// once there is more. Not thread-safe.
class RateWindow {
 public:
  struct Limits {
    uint64_t first = 64 << 10;
    uint64_t least = 64 << 10;  // 2 s at 256 kbit/s.
    uint64_t most = 4 << 20;
    absl::Duration worth = absl::Seconds(2);
  };

  RateWindow(const Limits& limits, absl::Duration now)
      : limits_(limits), bytes_(limits.first), began_(now) {}

  uint64_t bytes() const { return bytes_; }
  // So many more have arrived. `now`: of a clock that never jumps.
  void OnArrived(uint64_t bytes, absl::Duration now);
  // Nothing was on its way until now: the time until here says nothing about the link.
  void Begin(absl::Duration now);

 private:
  const Limits limits_;
  uint64_t bytes_;
  absl::Duration began_;  // Of what is being measured.
  uint64_t arrived_ = 0;  // Since then.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_RATE_WINDOW_H_
