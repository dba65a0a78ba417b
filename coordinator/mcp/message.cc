#include "coordinator/mcp/message.h"

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "coordinator/mcp/id_scan.h"
#include "coordinator/mcp/whole_characters.h"

namespace iris {
namespace {

constexpr int kDepthMax = 64;

McpIncoming Bad(int code, std::string error, Json id = nullptr) {
  return {.kind = McpIncoming::Kind::kBad,
          .id = std::move(id),
          .error_code = code,
          .error = std::move(error)};
}

McpIncoming Check(Json message) {
  if (!message.is_object()) return Bad(kInvalidRequest, "not a JSON-RPC message");
  McpIncoming incoming;
  const auto id = message.find("id");
  const bool has_id = id != message.end();
  if (has_id && IsMcpId(*id)) incoming.id = *id;
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
  if (const auto params = message.find("params"); params != message.end() && !IsNotGiven(*params)) {
    incoming.params = std::move(*params);
    if (!incoming.params.is_object()) {
      return Bad(kInvalidParams, "params is no object", incoming.id);
    }
  }
  return incoming;
}

McpIncoming CheckBatch(Json& messages) {
  if (messages.empty()) return Bad(kInvalidRequest, "the batch is empty");
  if (messages.size() > kMcpBatchMax) {
    return Bad(kInvalidRequest,
               absl::StrCat("a batch of more than ", kMcpBatchMax, " messages was not read"));
  }
  McpIncoming batch{.kind = McpIncoming::Kind::kBatch};
  for (Json& message : messages) batch.members.push_back(Check(std::move(message)));
  return batch;
}

// Discarded: it is no JSON, or is larger than we take, which `excess` says then.
Json Parse(absl::string_view text, std::string* excess) {
  std::array<size_t, kDepthMax + 2> members =
      {};  // Of the open objects, by the depth of their keys.
  const auto bound = [&](int depth, Json::parse_event_t event, Json&) {
    if (!excess->empty()) return false;
    if (depth > kDepthMax) {
      *excess = "nested too deeply";
    } else if (event == Json::parse_event_t::object_start) {
      members[depth + 1] = 0;
    } else if (event == Json::parse_event_t::key && ++members[depth] > kMcpMembersMax) {
      // Each key is compared with those before it.
      *excess = absl::StrCat("an object has more than ", kMcpMembersMax, " members");
    }
    return excess->empty();
  };
  return Json::parse(text.begin(), text.end(), bound, /*allow_exceptions=*/false);
}

}  // namespace

bool IsMcpId(const Json& value) { return value.is_string() || value.is_number_integer(); }

bool IsNotGiven(const Json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
}

std::string McpMemberId(absl::string_view id, size_t index) {
  constexpr absl::string_view kHex = "0123456789abcdef";
  std::string member(id);
  // The last digits of a UUID are random ones: the members' differ from it, and from each other's.
  size_t number = index + 1;
  for (size_t at = member.size(); number > 0 && at > 0; number /= 16) {
    char& digit = member[--at];
    const size_t value = kHex.find(absl::ascii_tolower(digit));
    if (value != absl::string_view::npos) digit = kHex[value ^ (number % 16)];
  }
  return member;
}

McpIncoming ParseMcp(absl::string_view text) {
  std::string excess;
  Json message = Parse(text, &excess);
  if (message.is_discarded() && excess.empty()) {
    message = Parse(WithWholeCharacters(text), &excess);
  }
  if (!excess.empty()) return Bad(kInvalidRequest, std::move(excess), FindMcpId(text));
  if (message.is_discarded()) return Bad(kParseError, "not JSON", FindMcpId(text));
  return message.is_array() ? CheckBatch(message) : Check(std::move(message));
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
