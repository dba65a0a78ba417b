#include "coordinator/mcp/message.h"

#include <utility>

namespace iris {
namespace {

constexpr int kDepthMax = 64;

McpIncoming Bad(int code, std::string error, Json id = nullptr) {
  return {.kind = McpIncoming::Kind::kBad,
          .id = std::move(id),
          .error_code = code,
          .error = std::move(error)};
}

bool IsId(const Json& value) { return value.is_string() || value.is_number_integer(); }

McpIncoming Check(Json message) {
  if (message.is_array()) return Bad(kInvalidRequest, "batches are not supported");
  if (!message.is_object()) return Bad(kInvalidRequest, "not a JSON-RPC message");
  McpIncoming incoming;
  const auto id = message.find("id");
  const bool has_id = id != message.end();
  if (has_id && IsId(*id)) incoming.id = *id;
  if (message.value("jsonrpc", Json()) != "2.0") {
    return Bad(kInvalidRequest, "not a JSON-RPC 2.0 message", incoming.id);
  }
  const auto method = message.find("method");
  if (method == message.end()) {
    // An error may answer a message of ours that had no id.
    if (!message.contains("result") && !message.contains("error")) {
      return Bad(kInvalidRequest, "a message needs a method", incoming.id);
    }
    incoming.kind = McpIncoming::Kind::kResponse;
    return incoming;
  }
  if (!method->is_string()) return Bad(kInvalidRequest, "method is no string", incoming.id);
  if (has_id && incoming.id.is_null()) {
    return Bad(kInvalidRequest, "id is neither a string nor an integer");
  }
  incoming.kind = has_id ? McpIncoming::Kind::kRequest : McpIncoming::Kind::kNotification;
  incoming.method = method->get<std::string>();
  incoming.params = Json::object();
  if (const auto params = message.find("params"); params != message.end()) {
    incoming.params = std::move(*params);
    if (!incoming.params.is_object()) {
      return Bad(kInvalidParams, "params is no object", incoming.id);
    }
  }
  return incoming;
}

}  // namespace

McpIncoming ParseMcp(absl::string_view text) {
  bool too_deep = false;
  const auto bound = [&too_deep](int depth, Json::parse_event_t, Json&) {
    if (depth > kDepthMax) too_deep = true;
    return !too_deep;
  };
  Json message = Json::parse(text.begin(), text.end(), bound, /*allow_exceptions=*/false);
  if (too_deep) return Bad(kInvalidRequest, "nested too deeply");
  if (message.is_discarded()) return Bad(kParseError, "not JSON, or not UTF-8");
  return Check(std::move(message));
}

std::string DumpJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string McpResult(const Json& id, Json result) {
  return DumpJson({{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}});
}

std::string McpError(const Json& id, int code, absl::string_view message) {
  return DumpJson({{"jsonrpc", "2.0"},
                   {"id", id},
                   {"error", {{"code", code}, {"message", std::string(message)}}}});
}

std::string McpNotification(absl::string_view method, Json params) {
  return DumpJson(
      {{"jsonrpc", "2.0"}, {"method", std::string(method)}, {"params", std::move(params)}});
}

}  // namespace iris
