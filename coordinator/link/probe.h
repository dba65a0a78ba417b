#ifndef IRIS_COORDINATOR_LINK_PROBE_H_
#define IRIS_COORDINATOR_LINK_PROBE_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/calls.h"
#include "proto/iris/v1/agent.grpc.pb.h"

namespace iris {

// The heartbeat of a link, on a stream of its own: notices the end of the wire at once, and silence
// within kEvery + kSilenceMax. Lives on the loop.
class Probe {
 public:
  static constexpr absl::Duration kEvery = absl::Seconds(5);
  static constexpr absl::Duration kSilenceMax = absl::Seconds(15);

  // `on_lost` runs once, on the loop, with why, unless the probe is destroyed before.
  static std::unique_ptr<Probe> Start(EventLoop& loop, OutstandingCalls& calls,
                                      v1::Agent::Stub& stub,
                                      std::function<void(const absl::Status&)> on_lost);
  virtual ~Probe() = default;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_PROBE_H_
