#ifndef IRIS_COORDINATOR_CLI_MCP_STREAM_H_
#define IRIS_COORDINATOR_CLI_MCP_STREAM_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "coordinator/cli/front_end.h"
#include "coordinator/cli/mcp_answer.h"
#include "coordinator/cli/mcp_unsettled.h"
#include "proto/iris/v1/coordinator.grpc.pb.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// One Mcp stream to a coordinator, with a thread that reads it. Everything else is for one thread.
class McpStream {
 public:
  // Both are called on the stream's thread (`on_end` by the constructor where no thread can be
  // had); `on_end` last.
  using OnAnswer = std::function<void(McpAnswer answer)>;
  using OnEnd = std::function<void()>;

  McpStream(Coordinator coordinator, v1::McpClient client, OnAnswer on_answer, OnEnd on_end);
  ~McpStream();  // Cancels what is left of the stream.

  // Blocks while the coordinator takes no more. False: the stream has ended; `on_end` says so too.
  bool Send(const McpLine& line, const McpAccepted& accepted = {});
  // The answer to the message with this id, which was to be confirmed, was given to the client.
  void SendGiven(const std::string& id);
  // We say no more; the coordinator ends the stream when it has said what it can say at once.
  void EndOfInput() { stream_->WritesDone(); }
  // After `on_end`, once: how the stream ended.
  absl::Status Finish();

 private:
  void Read(const OnAnswer& on_answer, const OnEnd& on_end);

  const Coordinator coordinator_;
  absl::optional<v1::McpClient> client_;  // Until it is sent.
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::McpClientMessage, v1::McpServerMessage>> stream_;
  absl::Status started_;  // Of the thread: where none could be had, the stream ends at once.
  std::thread reader_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_MCP_STREAM_H_
