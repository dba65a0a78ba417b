#include "coordinator/config/suggest.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/nearest.h"
#include "coordinator/config/schema.h"

namespace iris {
namespace {

// The names that the schema has directly below `parent`.
std::vector<std::string> NamesBelow(absl::string_view parent) {
  const std::string prefix = parent.empty() ? "" : absl::StrCat(parent, ".");
  std::vector<std::string> names;
  for (const Key& key : Schema()) {
    absl::string_view rest = key.path;
    if (!absl::ConsumePrefix(&rest, prefix)) continue;
    const std::string name(rest.substr(0, rest.find('.')));
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

}  // namespace

std::string FixForUnknownKey(absl::string_view parent, absl::string_view key,
                             const nlohmann::json& value) {
  if (parent.empty() && value.is_object() && value.contains("path")) {
    return "A team? Move it into \"teams\".";
  }
  for (const Key& known : Schema()) {
    if (absl::EndsWith(known.path, absl::StrCat(".", key))) {
      return absl::StrCat("It belongs to ", known.path, ".");
    }
  }
  const std::vector<std::string> names = NamesBelow(parent);
  const std::string nearest = Nearest(names, key);
  if (!nearest.empty()) return absl::StrCat("Did you mean ", nearest, "?");
  return absl::StrCat("Remove it. Known here: ", absl::StrJoin(names, ", "), ".");
}

}  // namespace iris
