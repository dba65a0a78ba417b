#ifndef IRIS_COORDINATOR_MCP_TOOL_RUN_H_
#define IRIS_COORDINATOR_MCP_TOOL_RUN_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/loop/event_loop.h"
#include "coordinator/desk/desk.h"
#include "coordinator/mcp/client.h"
#include "coordinator/mcp/message.h"
#include "coordinator/mcp/progress.h"
#include "coordinator/mcp/tool.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What a tool gives back.
struct ToolResult {
  absl::Status status;                      // OK: `text` is the result.
  std::shared_ptr<const std::string> text;  // With a failure the partial answer. May be null.
  size_t structured_bytes = 0;              // The last ones of `text` are JSON.
  v1::TurnAccount account;                  // As in TellOutcome.
  std::string outcome_of;                   // The tell whose outcome this is, or empty.
};

class ToolListener {
 public:
  virtual ~ToolListener() = default;
  // What is going on, for people: "waiting behind 2 messages".
  virtual void OnToolProgress(const ProgressNews& news) = 0;
  // The call sends a message, and that is stored now. At most once, before OnToolDone().
  virtual void OnToolAccepted() = 0;
  // Last, and once; may come from inside Start(). The run may be destroyed in it.
  virtual void OnToolDone(const ToolResult& result) = 0;
};

// One call of a tool. Destroying it ends the waiting, and the listener hears nothing more; what was
// begun goes on without it. Lives on the coordinator's loop.
class ToolRun {
 public:
  virtual ~ToolRun() = default;
  virtual void Start() = 0;  // Once.
};

struct ToolCall {
  const Tool& tool;
  Json arguments;                // ReadArguments() found nothing.
  Visitor visitor;               // The client's, for whom VisitorOf() found.
  std::string id;                // UUID; of the tell, if one is asked for.
  absl::Duration age;            // Since the client asked: a timeout counts from there.
  bool accepted_before = false;  // As in TellSpec.
};

// For whom a call speaks: whom the client speaks for, or a team of its `also` that the arguments
// name as `fromTeam`; where it is not known, the team that they name, or nobody where the tool has
// no `fromTeam`. FAILURE_BAD_REQUEST: they name another one, or none where they have to. What a
// model reads then names no team: it would speak for that one.
absl::StatusOr<Visitor> VisitorOf(Desk& desk, const McpClient& client, const Tool& tool,
                                  const Json& arguments);

// `loop`, `desk` and `listener` outlive the run. Failures of the call arrive by the listener, among
// them FAILURE_TIMEOUT: the answer took longer than the caller wanted to wait, and names the tell.
std::unique_ptr<ToolRun> MakeToolRun(EventLoop& loop, Desk& desk, ToolCall call,
                                     ToolListener& listener);

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_TOOL_RUN_H_
