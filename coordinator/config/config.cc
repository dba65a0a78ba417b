#include "coordinator/config/config.h"

#include <algorithm>

namespace iris {

const Team* Config::FindTeam(absl::string_view name) const {
  const auto found = std::find_if(teams.begin(), teams.end(),
                                  [name](const Team& team) { return team.name == name; });
  return found == teams.end() ? nullptr : &*found;
}

}  // namespace iris
