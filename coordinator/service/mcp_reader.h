#ifndef IRIS_COORDINATOR_SERVICE_MCP_READER_H_
#define IRIS_COORDINATOR_SERVICE_MCP_READER_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "coordinator/mcp/client_message.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Puts a client's JSON-RPC messages together from their pieces, and parses them. Not thread-safe.
class McpReader {
 public:
  // The message that `frame` completes, if it does. FAILURE_BAD_REQUEST: the front end broke a rule
  // of McpClientMessage; the stream cannot go on.
  absl::StatusOr<absl::optional<McpClientMessage>> Take(const v1::McpClientMessage& frame);
  // Of the message that has begun.
  size_t bytes() const { return json_.size(); }

 private:
  bool within_ = false;  // A message has begun.
  McpClientMessage message_;
  std::string json_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_MCP_READER_H_
