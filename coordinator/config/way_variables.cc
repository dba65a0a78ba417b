#include "coordinator/config/way_variables.h"

#include <cstdlib>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/optional.h"
#include "common/base/sha256.h"
#include "common/environment/environment.h"

namespace iris {
namespace {

constexpr char kNone[] = "none";
constexpr char kBetween = '+';  // Where the way's digest ends, and the claude's begins.

// Of ${NAME} and ${NAME:-default}. The loader has refused what is not closed.
void AddNames(absl::string_view written, std::set<std::string>& names) {
  size_t open = written.find("${");
  while (open != absl::string_view::npos) {
    written.remove_prefix(open + 2);
    const absl::string_view inside = written.substr(0, written.find('}'));
    names.emplace(inside.substr(0, inside.find(":-")));
    open = written.find("${");
  }
}

std::set<std::string> NamesOfWay(const Team& team) {
  std::set<std::string> names;
  if (!team.remote.has_value()) return names;
  AddNames(team.remote->written, names);
  AddNames(team.remote_options.written_agent_dir, names);
  for (const auto& [key, value] : team.remote_options.own) AddNames(value.written, names);
  return names;
}

std::set<std::string> NamesOfClaude(const Team& team) {
  std::set<std::string> names;
  AddNames(team.written_path, names);
  AddNames(team.written_claude_path, names);
  for (const EnvSetting& setting : team.env) AddNames(setting.written, names);
  return names;
}

absl::optional<std::string> ValueOf(const std::string& name, const SharedEnvironment& asker) {
  if (asker != nullptr) {
    const auto found = asker->find(name);
    if (found == asker->end()) return absl::nullopt;
    return found->second;
  }
  const char* const value = std::getenv(name.c_str());
  if (value == nullptr) return absl::nullopt;
  return std::string(value);
}

std::string DigestOf(const std::set<std::string>& names, const SharedEnvironment& asker) {
  if (names.empty()) return kNone;
  std::string all;
  for (const std::string& name : names) {
    const absl::optional<std::string> value = ValueOf(name, asker);
    absl::StrAppend(&all, name, value.has_value() ? absl::StrCat("=", *value) : "",
                    absl::string_view("\0", 1));
  }
  return Sha256Hex(all);
}

bool IsAsItWas(absl::string_view digest, const std::set<std::string>& names,
               const SharedEnvironment& asker) {
  const std::string now = DigestOf(names, asker);
  return now == kNone || now == digest || (digest.empty() && asker != nullptr);
}

}  // namespace

std::string WayVariables(const Team& team) {
  const SharedEnvironment& asker = team.asker.environment;
  return absl::StrCat(DigestOf(NamesOfWay(team), asker), absl::string_view(&kBetween, 1),
                      DigestOf(NamesOfClaude(team), asker));
}

bool LeadsAsFor(absl::string_view variables, const Team& team) {
  const SharedEnvironment& asker = team.asker.environment;
  const std::pair<absl::string_view, absl::string_view> digests =
      absl::StrSplit(variables, absl::MaxSplits(kBetween, 1));
  return IsAsItWas(digests.first, NamesOfWay(team), asker) &&
         IsAsItWas(digests.second, NamesOfClaude(team), asker);
}

}  // namespace iris
