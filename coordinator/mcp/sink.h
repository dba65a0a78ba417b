#ifndef IRIS_COORDINATOR_MCP_SINK_H_
#define IRIS_COORDINATOR_MCP_SINK_H_

#include "coordinator/mcp/outgoing.h"

namespace iris {

// Takes what a session says. Called on the loop, also from inside the session's methods.
class McpSink {
 public:
  virtual ~McpSink() = default;
  virtual void Send(McpOutgoing message) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_SINK_H_
