#ifndef IRIS_COORDINATOR_MCP_SESSION_H_
#define IRIS_COORDINATOR_MCP_SESSION_H_

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "coordinator/desk/desk.h"
#include "coordinator/mcp/batches.h"
#include "coordinator/mcp/client.h"
#include "coordinator/mcp/client_message.h"
#include "coordinator/mcp/message.h"
#include "coordinator/mcp/sink.h"
#include "coordinator/mcp/tool.h"
#include "coordinator/mcp/tool_run.h"

namespace iris {

struct McpOptions {
  size_t calls_max = 64;  // Tool calls at once; more are refused with busy_limit.
  absl::Duration progress_beat = absl::Seconds(10);
};

// One MCP client: what was agreed with it, and its requests that wait. Every message that is taken
// is settled once, by its answer or, where it gets none (notifications, responses, what is bad
// beyond an answer, requests that the client cancelled), by an empty one. Before that an empty one
// says so where the tell that it asks for is stored (McpOutgoing::accepted).
//
//   new ── initialize ──▶ open: tools/list, tools/call
//
// A call that speaks for somebody is answered, beside its result, with how many answers wait for
// that caller; each of them is named once. The answer to `initialize` names them too: not
// every client shows that.
//
// `ping` is answered always. What waits belongs to this client, whatever ids another one uses.
// Lives on the coordinator's loop.
class McpSession {
 public:
  // All outlive the session, of a client that nothing is known of until Introduce(). The destructor
  // stops the waiting, silently; the work goes on.
  McpSession(EventLoop& loop, Desk& desk, McpSink& sink, McpOptions options = {});
  ~McpSession();
  McpSession(const McpSession&) = delete;
  McpSession& operator=(const McpSession&) = delete;

  // Who the client is. Before the first Take().
  void Introduce(McpClient client) { client_ = std::move(client); }
  void Take(McpClientMessage message);
  // Answers what waits with the failure `why`.
  void Close(const absl::Status& why);

  size_t open_calls() const { return calls_.size(); }

 private:
  class Call;
  // By the id as JSON, so that 1 and "1" are two.
  using Calls = std::map<std::string, std::unique_ptr<Call>>;

  void TakeBatch(McpClientMessage message);
  void TakeRequest(McpClientMessage message);
  void TakeNotification(const McpClientMessage& message);
  void Initialize(const McpClientMessage& message);
  void ListTools(const McpClientMessage& message);
  void CallTool(McpClientMessage message);
  // Whether a call may begin, and for whom. The arguments are read for it.
  absl::StatusOr<Visitor> Admit(const Tool& tool, Json& arguments);
  void EndCall(const std::string& key, const ToolResult& result);
  // What waits for the caller `from` and was not announced, in words; empty: nothing. Never of
  // `but`.
  std::string Announce(const Caller& from, const std::string& but);
  std::string Instructions();
  // What stands beside every result, in words; mostly nothing.
  std::string ConfigNote();

  void Answer(const McpClientMessage& message, Json result);
  void Refuse(const McpClientMessage& message, int code, absl::string_view why);
  void Settle(const std::string& message_id);

  EventLoop& loop_;
  Desk& desk_;
  McpBatches sink_;
  const McpOptions options_;
  McpClient client_;
  std::string version_;  // Empty until `initialize`.
  Calls calls_;
  // By the caller's name: tells that were announced to this client or given, as long as they are
  // unfetched.
  std::map<std::string, std::set<std::string>> announced_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_SESSION_H_
