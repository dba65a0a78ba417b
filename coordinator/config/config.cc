#include "coordinator/config/config.h"

#include <algorithm>

namespace iris {

const OptionValue* RemoteOptions::Own(absl::string_view key) const {
  const auto found = own.find(key);
  return found == own.end() ? nullptr : &found->second;
}

const Team* Config::FindTeam(absl::string_view name) const {
  const auto found = std::find_if(teams.begin(), teams.end(),
                                  [name](const Team& team) { return team.name == name; });
  return found == teams.end() ? nullptr : &*found;
}

}  // namespace iris
