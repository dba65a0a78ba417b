#ifndef IRIS_COORDINATOR_MCP_BATCHES_H_
#define IRIS_COORDINATOR_MCP_BATCHES_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "coordinator/mcp/client_message.h"
#include "coordinator/mcp/outgoing.h"
#include "coordinator/mcp/sink.h"

namespace iris {

// The batches of one client that are under way. What the session says goes through it: answers to
// members of a batch are kept until the last one is there, and then sent as one array, in the order
// in which they came; all else is passed on. A batch whose members get no answers gets none.
// Lives on the coordinator's loop.
class McpBatches final : public McpSink {
 public:
  explicit McpBatches(McpSink& sink) : sink_(sink) {}

  // A batch with the id of `message`, or with members of the same ids, is under way.
  bool IsOpen(const McpClientMessage& message) const;
  // The members of `message`, which is a batch and not open, each as a message with an id of its
  // own. Each has to be settled, as every message.
  std::vector<McpClientMessage> Open(McpClientMessage message);
  void Send(McpOutgoing message) override;

 private:
  struct Batch {
    size_t open = 0;  // Members that are not settled.
    std::vector<McpOutgoing> answers;
  };
  void Finish(const std::string& id);
  void SendPart(McpOutgoing part);

  McpSink& sink_;
  std::map<std::string, Batch> batches_;         // By the message's id.
  std::map<std::string, std::string> batch_of_;  // Of an open member, by its id.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_BATCHES_H_
