#ifndef IRIS_COORDINATOR_ACCOUNT_ACCOUNT_TEXT_H_
#define IRIS_COORDINATOR_ACCOUNT_ACCOUNT_TEXT_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What stands beside an answer, for people and models. The words of tools are those of a claude on
// some host: they come on one line, without what a terminal obeys.

// `text` on one line, with '?' for what a terminal obeys.
std::string PlainLine(absl::string_view text);

// "Bash: npm test". Empty: no tool.
std::string ToolText(const v1::ToolUse& tool);

// "42 s, 3 tools, $0.08, 1234 tokens in, 567 out"; what is not known is left out. Empty: nothing
// is.
std::string CostText(const v1::TurnAccount& account);

// "2 uses of tools were denied: Bash: npm test; Write: /b." Empty: none was.
std::string DeniedText(const v1::TurnAccount& account);

// What has a person asked instead of that. Empty: none was denied, or a person was asked.
absl::string_view DeniedFix(const v1::TurnAccount& account);

// {"seconds", "tools", "costUsd", "inputTokens", "outputTokens", "denials", "denied": [{"tool",
// "input"}], "deniedFix"}; what is not known, or does not apply, is left out. `Json` is one of
// nlohmann's types.
template <typename Json>
Json AccountJson(const v1::TurnAccount& account) {
  Json json = Json::object();
  if (account.has_duration_ms()) json["seconds"] = static_cast<double>(account.duration_ms()) / 1e3;
  json["tools"] = account.tools();
  if (account.has_cost_micro_usd()) {
    json["costUsd"] = static_cast<double>(account.cost_micro_usd()) / 1e6;
  }
  if (account.has_input_tokens()) json["inputTokens"] = account.input_tokens();
  if (account.has_output_tokens()) json["outputTokens"] = account.output_tokens();
  if (account.denials() == 0) return json;
  json["denials"] = account.denials();
  Json denied = Json::array();
  for (const v1::ToolUse& tool : account.denied()) {
    denied.push_back(Json{{"tool", tool.name()}, {"input", tool.input()}});
  }
  json["denied"] = std::move(denied);
  const absl::string_view fix = DeniedFix(account);
  if (!fix.empty()) json["deniedFix"] = std::string(fix);
  return json;
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_ACCOUNT_ACCOUNT_TEXT_H_
