#include "coordinator/config/expand.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "coordinator/config/refuse.h"
#include "coordinator/config/unset_variable.h"

namespace iris {
namespace {

// `inside` stands between "${" and "}".
absl::StatusOr<std::string> ValueOf(absl::string_view inside, const EnvLookup& env) {
  const size_t colon = inside.find(":-");
  const bool has_default = colon != absl::string_view::npos;
  const absl::string_view name = inside.substr(0, colon);
  if (!IsVariableName(name)) {
    return Refuse("${…} does not hold the name of a variable",
                  "Write ${VAR} or ${VAR:-default}; the name is letters, digits and '_'.");
  }
  absl::optional<std::string> value = env(name);
  if (has_default && (!value.has_value() || value->empty())) {
    return std::string(inside.substr(colon + 2));
  }
  if (!value.has_value()) {
    return MarkUnsetVariable(
        Refuse(absl::StrCat("the environment variable ", name, " is not set"),
               absl::StrCat("Set ", name,
                            " where you run `iris` (for an MCP client: in the env of its "
                            "server), or give it a default: ${",
                            name, ":-default}.")));
  }
  return *std::move(value);
}

}  // namespace

bool IsVariableName(absl::string_view name) {
  if (name.empty() || absl::ascii_isdigit(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

absl::StatusOr<std::string> ExpandVariables(absl::string_view text, const EnvLookup& env) {
  std::string expanded;
  while (true) {
    const size_t open = text.find("${");
    absl::StrAppend(&expanded, text.substr(0, open));
    if (open == absl::string_view::npos) break;
    text.remove_prefix(open + 2);
    const size_t close = text.find('}');
    if (close == absl::string_view::npos) {
      return Refuse("\"${\" is not closed", "Write ${VAR} or ${VAR:-default}.");
    }
    absl::StatusOr<std::string> value = ValueOf(text.substr(0, close), env);
    if (!value.ok()) return value.status();
    absl::StrAppend(&expanded, *value);
    if (expanded.size() > kExpandedBytesMax) break;
    text.remove_prefix(close + 1);
  }
  if (expanded.size() > kExpandedBytesMax) {
    return Refuse(absl::StrCat("longer than ", kExpandedBytesMax, " bytes with its variables"),
                  "Shorten it.");
  }
  return expanded;
}

bool IsOneVariable(absl::string_view text) {
  return absl::ConsumePrefix(&text, "${") && absl::ConsumeSuffix(&text, "}") &&
         IsVariableName(text);
}

absl::StatusOr<std::string> ExpandHome(absl::string_view path, absl::string_view home) {
  if (!absl::StartsWith(path, "~/")) return std::string(path);
  if (home.empty()) {
    return Refuse("~/ cannot be resolved, the home directory is not known",
                  "Set HOME, or write the absolute path.");
  }
  return absl::StrCat(home, path.substr(1));
}

}  // namespace iris
