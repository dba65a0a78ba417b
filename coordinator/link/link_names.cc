#include "coordinator/link/link_names.h"

#include <cstddef>
#include <functional>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"

namespace iris {

void DistinguishLinks(const std::vector<std::string>& written, std::vector<v1::LinkStatus>& links) {
  std::map<std::string, std::vector<size_t>> by_key;
  for (size_t i = 0; i < links.size(); ++i) by_key[links[i].key()].push_back(i);
  const std::vector<std::function<std::string(size_t)>> marks = {
      [&](size_t i) { return written[i]; },
      [&](size_t i) { return links[i].teams().empty() ? std::string() : links[i].teams(0); },
      [&](size_t i) { return links[i].id(); }};
  for (const auto& [key, alike] : by_key) {
    if (alike.size() == 1) continue;
    for (const auto& mark : marks) {
      std::set<std::string> different;
      for (size_t i : alike) different.insert(mark(i));
      if (different.size() < alike.size() || different.count("") > 0) continue;
      for (size_t i : alike) links[i].set_key(absl::StrCat(key, " (", mark(i), ")"));
      break;
    }
  }
}

// A digest: the key may have secrets of the environment in it, and hosts see the name.
std::string LinkIdentity(absl::string_view coordinator_id, absl::string_view key) {
  // As short as the path of a socket, which it is a part of, has to be.
  return Sha256Hex(absl::StrCat(coordinator_id, absl::string_view("\0", 1), key)).substr(0, 32);
}

}  // namespace iris
