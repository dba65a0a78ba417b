#include "coordinator/account/account_text.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/utf8.h"

namespace iris {
namespace {

constexpr char kDeniedFix[] =
    "With \"grantPermission\": \"ask\" in the team's configuration a person is asked instead (iris "
    "answer).";

std::string Duration(int64_t ms) {
  if (ms < 10'000) return absl::StrFormat("%.1f s", static_cast<double>(ms) / 1e3);
  if (ms < 120'000) return absl::StrCat(ms / 1000, " s");
  return absl::StrCat(ms / 60'000, " min ", ms / 1000 % 60, " s");
}

// Of a cent or more two digits say enough.
std::string Dollars(int64_t micro_usd) {
  const double dollars = static_cast<double>(micro_usd) / 1e6;
  if (micro_usd >= 10'000) return absl::StrFormat("$%.2f", dollars);
  return absl::StrFormat("$%.4f", dollars);
}

}  // namespace

std::string PlainLine(absl::string_view text) {
  std::string plain;
  while (!text.empty()) {
    char32_t character;
    const size_t bytes = FirstCharacter(text, &character);
    const bool is_blank = character == '\n' || character == '\t';
    if (bytes == 0 || IsObeyed(character)) {
      plain += is_blank ? ' ' : '?';
    } else {
      absl::StrAppend(&plain, text.substr(0, bytes));
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return plain;
}

std::string ToolText(const v1::ToolUse& tool) {
  return PlainLine(tool.input().empty() ? tool.name()
                                        : absl::StrCat(tool.name(), ": ", tool.input()));
}

std::string CostText(const v1::TurnAccount& account) {
  std::vector<std::string> parts;
  if (account.has_duration_ms()) parts.push_back(Duration(account.duration_ms()));
  if (account.tools() > 0) {
    parts.push_back(absl::StrCat(account.tools(), account.tools() == 1 ? " tool" : " tools"));
  }
  if (account.has_cost_micro_usd()) parts.push_back(Dollars(account.cost_micro_usd()));
  if (account.has_input_tokens()) {
    parts.push_back(absl::StrCat(account.input_tokens(), " tokens in"));
  }
  if (account.has_output_tokens()) {
    parts.push_back(
        absl::StrCat(account.output_tokens(), account.has_input_tokens() ? " out" : " tokens out"));
  }
  return absl::StrJoin(parts, ", ");
}

std::string DeniedText(const v1::TurnAccount& account) {
  if (account.denials() == 0) return "";
  std::vector<std::string> tools;
  for (const v1::ToolUse& tool : account.denied()) tools.push_back(ToolText(tool));
  const bool is_all = tools.size() >= account.denials();
  return absl::StrCat(
      account.denials(),
      account.denials() == 1 ? " use of a tool was denied: " : " uses of tools were denied: ",
      absl::StrJoin(tools, "; "), is_all ? "." : "; …");
}

absl::string_view DeniedFix(const v1::TurnAccount& account) {
  return account.denials() == 0 || account.asks() ? absl::string_view() : kDeniedFix;
}

}  // namespace iris
