#ifndef IRIS_COORDINATOR_LINK_WAKE_WATCH_H_
#define IRIS_COORDINATOR_LINK_WAKE_WATCH_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "common/loop/event_loop.h"

namespace iris {

// Notices that this machine slept, or that its network changed: what is known of links is old then,
// and what did not answer may answer now. Costs nothing while nothing happens. Where the system
// does not say so, this says nothing. Lives on the loop.
class WakeWatch {
 public:
  // A changed network is reported once it has settled for a moment, and not again for a while:
  // whoever starts containers changes it all the time.
  static constexpr absl::Duration kSettle = absl::Seconds(1);
  static constexpr absl::Duration kNotAgainFor = absl::Seconds(10);

  // `on_wake` runs on the loop, not from inside a call.
  static std::unique_ptr<WakeWatch> Start(EventLoop& loop, std::function<void()> on_wake);
  virtual ~WakeWatch() = default;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_WAKE_WATCH_H_
