#ifndef IRIS_COORDINATOR_LINK_CONNECTOR_H_
#define IRIS_COORDINATOR_LINK_CONNECTOR_H_

#include <atomic>
#include <functional>

#include "absl/status/statusor.h"
#include "coordinator/link/connection.h"

namespace iris {

// Makes the wire of one link. Connect() blocks, on a thread of the link's; one call at a time.
class Connector {
 public:
  using OnProgress = std::function<void(const ConnectProgress&)>;

  virtual ~Connector() = default;
  // Looks at `cancelled` at least every 100 ms. The failures are typed: RetryMends() goes by their
  // kind. FAILURE_NO_AGENT_POSSIBLE: the host was reached, and no agent can run there.
  virtual absl::StatusOr<Connection> Connect(const OnProgress& on_progress,
                                             const std::atomic<bool>& cancelled) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_CONNECTOR_H_
