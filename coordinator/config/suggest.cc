#include "coordinator/config/suggest.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "coordinator/config/schema.h"

namespace iris {
namespace {

constexpr size_t kKeyBytesCompared = 64;  // A longer key is nobody's typing mistake.

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

// Levenshtein's, ignoring case.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = absl::ascii_tolower(a[i - 1]) == absl::ascii_tolower(b[j - 1]);
      const size_t replaced = diagonal + (same ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// Empty: nothing is near.
std::string Nearest(const std::vector<std::string>& names, absl::string_view key) {
  if (key.size() > kKeyBytesCompared) return "";
  std::string nearest;
  size_t distance_min = std::max<size_t>(2, key.size() / 3) + 1;
  for (const std::string& name : names) {
    const size_t distance = EditDistance(name, key);
    if (distance >= distance_min) continue;
    distance_min = distance;
    nearest = name;
  }
  return nearest;
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
