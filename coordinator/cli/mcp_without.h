#ifndef IRIS_COORDINATOR_CLI_MCP_WITHOUT_H_
#define IRIS_COORDINATOR_CLI_MCP_WITHOUT_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/cli/mcp_answer.h"
#include "coordinator/cli/mcp_unsettled.h"

namespace iris {

// Answers what a client says where no coordinator can be had because of the configuration, which
// `why` says: it is opened and lists its tools as ever, and every call says `why`, so that the
// model knows what to do. The next line finds a coordinator if that is mended. Lines whose tells
// were accepted before are left alone. Calls `on_answer` as an McpStream does, on this thread.
void AnswerWithoutCoordinator(const std::vector<UnsettledLines::ToSendLine>& lines,
                              const absl::Status& why,
                              const std::function<void(McpAnswer answer)>& on_answer);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_MCP_WITHOUT_H_
