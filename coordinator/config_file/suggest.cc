#include "coordinator/config_file/suggest.h"

#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/nearest.h"
#include "coordinator/config/schema.h"

namespace iris {
namespace {

// Every team's keys, and those of `kinds`.
std::vector<Key> KeysWith(absl::Span<const RemoteKind> kinds) {
  std::vector<Key> keys(Schema().begin(), Schema().end());
  for (const RemoteKind& kind : kinds) {
    const absl::Span<const Key> own = kind.reader->keys();
    keys.insert(keys.end(), own.begin(), own.end());
  }
  return keys;
}

// The names that there are directly below `parent`.
std::vector<std::string> NamesBelow(absl::string_view parent, absl::Span<const Key> keys) {
  const std::string prefix = parent.empty() ? "" : absl::StrCat(parent, ".");
  std::vector<std::string> names;
  for (const Key& key : keys) {
    absl::string_view rest = key.path;
    if (!absl::ConsumePrefix(&rest, prefix)) continue;
    std::string name(rest.substr(0, rest.find('.')));
    if (!absl::c_linear_search(names, name)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

std::string FixForUnknownKey(absl::string_view parent, absl::string_view key,
                             const nlohmann::json& value, absl::Span<const RemoteKind> of_host) {
  if (parent.empty() && value.is_object() && value.contains("path")) {
    return "A team? Move it into \"teams\".";
  }
  const std::vector<Key> keys = KeysWith(of_host);
  for (const Key& known : keys) {
    if (absl::EndsWith(known.path, absl::StrCat(".", key))) {
      return absl::StrCat("It belongs to ", known.path, ".");
    }
  }
  const std::vector<std::string> names = NamesBelow(parent, keys);
  const std::string nearest = Nearest(names, key);
  if (!nearest.empty()) return absl::StrCat("Did you mean ", nearest, "?");
  return absl::StrCat("Remove it. Known here: ", absl::StrJoin(names, ", "), ".");
}

}  // namespace iris
