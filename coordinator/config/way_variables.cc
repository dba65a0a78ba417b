#include "coordinator/config/way_variables.h"

#include <cstdlib>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "common/base/sha256.h"
#include "common/environment/environment.h"

namespace iris {
namespace {

constexpr char kNone[] = "none";

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

std::set<std::string> NamesIn(const Team& team) {
  std::set<std::string> names;
  if (!team.remote.has_value()) return names;
  for (const std::string* written :
       {&team.remote->written, &team.remote_options.written_identity,
        &team.remote_options.written_agent_dir}) {
    AddNames(*written, names);
  }
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

}  // namespace

std::string WayVariables(const Team& team) {
  const std::set<std::string> names = NamesIn(team);
  if (names.empty()) return kNone;
  std::string all;
  for (const std::string& name : names) {
    const absl::optional<std::string> value = ValueOf(name, team.asker.environment);
    absl::StrAppend(&all, name, value.has_value() ? absl::StrCat("=", *value) : "",
                    absl::string_view("\0", 1));
  }
  return Sha256Hex(all);
}

bool LeadsAsFor(absl::string_view variables, const Team& team) {
  const std::string now = WayVariables(team);
  if (now == kNone || now == variables) return true;
  return variables.empty() && team.asker.environment != nullptr;
}

}  // namespace iris
