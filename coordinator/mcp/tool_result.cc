#include "coordinator/mcp/tool_result.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "common/json/peer_json.h"

namespace iris {
namespace {

// A longer answer has its JSON in the text alone, which is sent in pieces.
constexpr size_t kStructuredAnswerBytesMax = 1 << 20;

// What stands before the partial answer, as inside a JSON string.
std::string Introduction(const ToolResult& result) {
  if (result.status.ok()) return "";
  std::string text = Describe(ToProto(result.status));
  const bool partial = result.text != nullptr && !result.text->empty();
  if (partial) absl::StrAppend(&text, "\n\nThe answer so far:\n");
  const std::string quoted = DumpJson(Json(std::move(text)));
  return quoted.substr(1, quoted.size() - 2);
}

// With all of the answer: some clients show it in place of the text.
std::string StructuredContent(const ToolResult& result) {
  if (result.structured_bytes == 0 || result.text->size() > kStructuredAnswerBytesMax ||
      result.structured_bytes > result.text->size()) {
    return "";
  }
  PeerJson structured = ParsePeerJson(
      absl::string_view(*result.text).substr(result.text->size() - result.structured_bytes));
  if (structured.is_discarded()) return "";
  const Json content = {{"answer", *result.text}, {"structured", std::move(structured)}};
  return absl::StrCat(R"(,"structuredContent":)", DumpJson(content));
}

}  // namespace

McpOutgoing ToolAnswer(const Json& id, const ToolResult& result, const std::string& note) {
  // By hand, because the text is put in later, piece by piece.
  std::string head =
      absl::StrCat(R"({"jsonrpc":"2.0","id":)", DumpJson(id),
                   R"(,"result":{"content":[{"type":"text","text":")", Introduction(result));
  std::string tail = "\"}";
  if (!note.empty())
    absl::StrAppend(&tail, R"(,{"type":"text","text":)", DumpJson(Json(note)), "}");
  absl::StrAppend(&tail, "]", StructuredContent(result),
                  result.status.ok() ? "" : R"(,"isError":true)", "}}");
  McpOutgoing answer(std::move(head), result.text, std::move(tail));
  answer.outcome_of = result.outcome_of;
  return answer;
}

}  // namespace iris
