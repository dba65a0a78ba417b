#include "common/base/nearest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"

namespace iris {
namespace {

constexpr size_t kWordBytesCompared = 64;  // A longer word is nobody's typing mistake.

// Levenshtein's, ignoring case.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
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

}  // namespace

std::string Nearest(const std::vector<std::string>& names, absl::string_view word) {
  if (word.size() > kWordBytesCompared) return "";
  std::string nearest;
  size_t distance_min = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& name : names) {
    const size_t distance = EditDistance(name, word);
    // A short name is not near to everything: it must keep a character.
    if (distance >= distance_min || distance >= name.size()) continue;
    distance_min = distance;
    nearest = name;
  }
  return nearest;
}

std::vector<std::string> NearestFirst(std::vector<std::string> names, absl::string_view word) {
  word = word.substr(0, kWordBytesCompared);
  std::vector<std::pair<size_t, std::string>> by_distance;
  for (std::string& name : names) {
    const size_t distance = EditDistance(name, word);
    by_distance.emplace_back(distance, std::move(name));
  }
  std::stable_sort(by_distance.begin(), by_distance.end(),
                   [](const auto& one, const auto& other) { return one.first < other.first; });
  for (size_t i = 0; i < names.size(); ++i) names[i] = std::move(by_distance[i].second);
  return names;
}

}  // namespace iris
