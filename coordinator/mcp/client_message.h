#ifndef IRIS_COORDINATOR_MCP_CLIENT_MESSAGE_H_
#define IRIS_COORDINATOR_MCP_CLIENT_MESSAGE_H_

#include <set>
#include <string>

#include "absl/time/time.h"
#include "coordinator/mcp/message.h"

namespace iris {

struct McpClientMessage {
  std::string id;  // UUID: names the message, and the tell that it asks for.
  absl::Duration age = absl::ZeroDuration();  // Since the client said it.
  bool accepted_before = false;               // As in TellSpec, of the tell that it asks for.
  std::set<std::string> accepted_members;     // As in McpClientMessage of the wire.
  McpIncoming incoming;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_CLIENT_MESSAGE_H_
