#ifndef IRIS_COORDINATOR_MCP_CLIENT_H_
#define IRIS_COORDINATOR_MCP_CLIENT_H_

#include <vector>

#include "coordinator/caller/caller.h"
#include "coordinator/desk/desk.h"

namespace iris {

// One MCP client, as its front end knows it.
struct McpClient {
  // For whom it speaks; nobody: not known.
  Visitor visitor;
  std::vector<Caller> also;   // Further teams: a call may name one of them instead.
  bool calls_say_it = false;  // Its front end is too old to know: each call names its team.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_CLIENT_H_
