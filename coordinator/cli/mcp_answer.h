#ifndef IRIS_COORDINATOR_CLI_MCP_ANSWER_H_
#define IRIS_COORDINATOR_CLI_MCP_ANSWER_H_

#include <string>

namespace iris {

// A message of the coordinator, put together.
struct McpAnswer {
  std::string json;     // May be empty.
  std::string settles;  // As in McpServerMessage.
  bool opening = false;
  std::string accepted;
  std::string accepted_member;
  bool confirm = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_MCP_ANSWER_H_
