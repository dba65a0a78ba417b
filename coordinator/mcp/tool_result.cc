#include "coordinator/mcp/tool_result.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "common/json/json.h"
#include "common/json/peer_json.h"
#include "coordinator/account/account_text.h"
#include "coordinator/orchestrator/tell.h"

namespace iris {
namespace {

// A longer answer has its JSON in the text alone, which is sent in pieces; one without any JSON
// would only be held twice.
constexpr size_t kStructuredAnswerBytesMax = 1 << 20;
constexpr size_t kPlainAnswerBytesMax = 64 << 10;

// What stands before the partial answer, as inside a JSON string.
std::string Introduction(const ToolResult& result) {
  if (result.status.ok()) return "";
  std::string text = Describe(ToProto(result.status));
  const bool partial = result.text != nullptr && !result.text->empty();
  if (partial) absl::StrAppend(&text, "\n\nThe answer so far:\n");
  const std::string quoted = DumpJson(Json(std::move(text)));
  return quoted.substr(1, quoted.size() - 2);
}

// The JSON at the end of the answer; discarded: it has none, or is too long.
PeerJson StructuredOutput(const ToolResult& result) {
  if (result.structured_bytes == 0 || result.text->size() > kStructuredAnswerBytesMax ||
      result.structured_bytes > result.text->size()) {
    return PeerJson(PeerJson::value_t::discarded);
  }
  return ParsePeerJson(
      absl::string_view(*result.text).substr(result.text->size() - result.structured_bytes));
}

// With all of the answer, and what stands beside it: some clients show it in place of the text.
// Empty: there is nothing to say that the text does not.
std::string StructuredContent(const ToolResult& result, const std::string& note) {
  if (!result.status.ok() || result.text == nullptr) return "";
  PeerJson structured = StructuredOutput(result);
  const bool has_account = IsKnown(result.account) && result.text->size() <= kPlainAnswerBytesMax;
  if (structured.is_discarded() && !has_account) return "";
  Json content = {{"answer", *result.text}};
  if (!structured.is_discarded()) content["structured"] = std::move(structured);
  if (IsKnown(result.account)) content["turn"] = AccountJson<Json>(result.account);
  if (!note.empty()) content["note"] = note;
  return absl::StrCat(R"(,"structuredContent":)", DumpJson(content));
}

// What was denied, for whoever reads the text alone.
std::string WithDenials(const ToolResult& result, const std::string& note) {
  std::string text = DeniedText(result.account);
  const absl::string_view fix = DeniedFix(result.account);
  if (!fix.empty()) absl::StrAppend(&text, " ", fix);
  return absl::StrCat(text, text.empty() || note.empty() ? "" : "\n", note);
}

}  // namespace

McpOutgoing ToolAnswer(const Json& id, const ToolResult& result, const std::string& said) {
  const std::string note = WithDenials(result, said);
  // By hand, because the text is put in later, piece by piece.
  std::string head =
      absl::StrCat(R"({"jsonrpc":"2.0","id":)", DumpJson(id),
                   R"(,"result":{"content":[{"type":"text","text":")", Introduction(result));
  std::string tail = "\"}";
  if (!note.empty())
    absl::StrAppend(&tail, R"(,{"type":"text","text":)", DumpJson(Json(note)), "}");
  absl::StrAppend(&tail, "]", StructuredContent(result, note),
                  result.status.ok() ? "" : R"(,"isError":true)", "}}");
  McpOutgoing answer(std::move(head), result.text, std::move(tail));
  answer.outcome_of = result.outcome_of;
  return answer;
}

}  // namespace iris
