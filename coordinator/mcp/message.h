#ifndef IRIS_COORDINATOR_MCP_MESSAGE_H_
#define IRIS_COORDINATOR_MCP_MESSAGE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/json/json.h"

namespace iris {

// Error codes of JSON-RPC 2.0.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;

inline constexpr size_t kMcpMessageBytesMax = 16 << 20;  // Of a client's message.
inline constexpr size_t kMcpBatchMax = 64;               // Messages in a batch.
inline constexpr size_t kMcpMembersMax = 256;            // Of an object in a message.

// A client's message, taken apart and checked as far as JSON-RPC goes.
struct McpIncoming {
  enum class Kind { kRequest, kNotification, kResponse, kBatch, kBad };
  Kind kind = Kind::kBad;
  Json id;  // A string or an integer; null where there is none or it is not fit to answer.
  std::string method;  // Of requests and notifications.
  Json params;         // Likewise: an object, empty if the client sent none, or null, or "".
  std::vector<McpIncoming> members;  // kBatch: 1 to kMcpBatchMax; none is a batch.
  int error_code = kParseError;      // kBad: what to answer to `id`.
  std::string error;                 // kBad
};

// Takes any bytes. Half a character (a lone surrogate, a byte that is not UTF-8) is read as U+FFFD.
// What is no JSON, what nests beyond 64 levels, and what has an object of more than kMcpMembersMax
// members is kBad and has its id where that can be found. Thread-safe, linear in time: meant to run
// off the loop.
McpIncoming ParseMcp(absl::string_view text);

// Whether a request may have this id, and be answered under it.
bool IsMcpId(const Json& value);
// Whether a client that writes a value for everything it knows of has given none: null or "".
bool IsNotGiven(const Json& value);
// The id of the member `index` of the batch that came as message `id`, both as in McpClientMessage:
// always the same one, so that what is sent again is known.
std::string McpMemberId(absl::string_view id, size_t index);

// Messages of ours, as DumpJson() writes them.
std::string McpResult(const Json& id, Json result);
std::string McpError(const Json& id, int code, absl::string_view message);
std::string McpNotification(absl::string_view method, Json params);

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_MESSAGE_H_
