#ifndef IRIS_COORDINATOR_MCP_MESSAGE_H_
#define IRIS_COORDINATOR_MCP_MESSAGE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace iris {

using Json = nlohmann::ordered_json;  // People read it: keys stay in the order they were set.

// Error codes of JSON-RPC 2.0.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;

inline constexpr size_t kMcpMessageBytesMax = 16 << 20;  // Of a client's message.

// A client's message, taken apart and checked as far as JSON-RPC goes.
struct McpIncoming {
  enum class Kind { kRequest, kNotification, kResponse, kBad };
  Kind kind = Kind::kBad;
  Json id;  // A string or an integer; null where there is none or it is not fit to answer.
  std::string method;            // Of requests and notifications.
  Json params;                   // Likewise: an object, empty if the client sent none.
  int error_code = kParseError;  // kBad: what to answer to `id`.
  std::string error;             // kBad
};

// Takes any bytes. Nesting beyond 64 levels and batches (gone since MCP 2025-06-18) are kBad.
// Thread-safe, linear in time: meant to run off the loop.
McpIncoming ParseMcp(absl::string_view text);

// Messages of ours, on one line. Bytes that are not UTF-8 become U+FFFD.
std::string McpResult(const Json& id, Json result);
std::string McpError(const Json& id, int code, absl::string_view message);
std::string McpNotification(absl::string_view method, Json params);
std::string DumpJson(const Json& json);

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_MESSAGE_H_
