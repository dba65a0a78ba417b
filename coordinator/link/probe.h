#ifndef IRIS_COORDINATOR_LINK_PROBE_H_
#define IRIS_COORDINATOR_LINK_PROBE_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/agent_channel.h"

namespace iris {

// The stream of a link on which its heartbeat travels; its end is the end of the wire. Lives on the
// loop.
class Probe {
 public:
  struct Callbacks {
    std::function<void(uint64_t nonce)> on_answer;
    std::function<void(const absl::Status&)> on_end;  // Once, with why; nothing comes after it.
  };
  // Callbacks run on the loop, and not once the probe is destroyed.
  static std::unique_ptr<Probe> Start(EventLoop& loop, AgentChannel& channel, Callbacks callbacks);
  virtual ~Probe() = default;

  // Asks for an answer, behind everything that was written to the wire before; at the latest once
  // an earlier question has left this process. Returns the nonce of the answer; 0: the call is
  // over.
  virtual uint64_t Ping() = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_PROBE_H_
