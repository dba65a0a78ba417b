#include "coordinator/mcp/tool_result.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

// What stands before the partial answer, as inside a JSON string.
std::string Introduction(const ToolResult& result) {
  if (result.status.ok()) return "";
  std::string text = Describe(ToProto(result.status));
  const bool partial = result.text != nullptr && !result.text->empty();
  if (partial) absl::StrAppend(&text, "\n\nThe answer so far:\n");
  const std::string quoted = DumpJson(Json(std::move(text)));
  return quoted.substr(1, quoted.size() - 2);
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
  absl::StrAppend(&tail, "]", result.status.ok() ? "" : R"(,"isError":true)", "}}");
  McpOutgoing answer(std::move(head), result.text, std::move(tail));
  answer.outcome_of = result.outcome_of;
  return answer;
}

}  // namespace iris
