#ifndef IRIS_COORDINATOR_MCP_TOOL_H_
#define IRIS_COORDINATOR_MCP_TOOL_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/mcp/message.h"

namespace iris {

struct ToolParameter {
  enum class Type { kString, kInteger, kBoolean };
  absl::string_view name;
  Type type = Type::kString;
  bool required = false;
  absl::string_view description;
  // The values that there are, with '|' between them; empty: any.
  absl::string_view one_of = {};
};

// A tool as clients see it. Names and parameters are those of iris-mcp, where that has it: people
// and their instructions know them (docs/COMING_FROM_IRIS_MCP.md).
struct Tool {
  enum class Verb {
    kSend,
    kQuick,
    kTellStatus,
    kTellWait,
    kTellCancel,
    kListTeams,
    kStatus,
    kWake,
    kSleep
  };
  absl::string_view name;
  Verb verb = Verb::kSend;
  absl::string_view title;
  absl::string_view description;
  std::vector<ToolParameter> parameters;
  bool read_only = false;
  bool destructive = false;
  bool idempotent = false;
  bool reaches_hosts = false;  // What it does goes beyond this machine's Iris.
  bool long_results = false;
  bool always_load = false;  // Claude Code shows the others' names alone until it looks for one.
};

const std::vector<Tool>& Tools();
// nullptr: no such tool.
const Tool* FindTool(absl::string_view name);

// The value of "tools" in the answer to tools/list.
Json DescribeTools();

// Makes of `arguments` (an object) what the tool takes: what is null, and what is optional and "",
// is not given; numbers and flags may be given as text ("20000", "true").
// FAILURE_BAD_REQUEST: names what is missing, of another type, unknown or not built yet.
absl::Status ReadArguments(const Tool& tool, Json& arguments);

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_TOOL_H_
