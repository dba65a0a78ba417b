#include "coordinator/service/mcp_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "coordinator/mcp/message.h"

namespace iris {

absl::StatusOr<absl::optional<McpClientMessage>> McpReader::Take(
    const v1::McpClientMessage& frame) {
  if (!std::exchange(within_, frame.more())) {
    message_.id = frame.id();
    message_.accepted_before = frame.accepted_before();
    const int members = std::min<int>(frame.accepted_members_size(), kMcpBatchMax);
    message_.accepted_members.insert(frame.accepted_members().begin(),
                                     frame.accepted_members().begin() + members);
    message_.age = absl::Milliseconds(std::max<int64_t>(frame.age_ms(), 0));
    if (!IsUuid(message_.id)) {
      return MakeFailure(v1::FAILURE_BAD_REQUEST, "the id of an MCP message is no UUID");
    }
  }
  if (json_.size() + frame.json().size() > kMcpMessageBytesMax) {
    return MakeFailure(
        v1::FAILURE_BAD_REQUEST,
        absl::StrCat("an MCP message is longer than ", kMcpMessageBytesMax, " bytes"),
        "Put long text into a file and tell the team where it is.");
  }
  json_ += frame.json();
  if (frame.more()) return absl::optional<McpClientMessage>();
  message_.incoming = ParseMcp(std::exchange(json_, std::string()));
  return absl::make_optional(std::exchange(message_, McpClientMessage()));
}

}  // namespace iris
