#ifndef IRIS_COORDINATOR_CONFIG_WAY_VARIABLES_H_
#define IRIS_COORDINATOR_CONFIG_WAY_VARIABLES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/config/config.h"

namespace iris {

// Of the variables that a team's way to its host names (`remote`, remoteOptions.identity and
// .agentDir) those of the team's asker, where nobody asks this process's: who has others may be led
// to another host, or be another account there. A digest, since a value may be a secret; another
// text where the way names none.
std::string WayVariables(const Team& team);

// Whether the team as it is for its asker leads where it did for a sender with those `variables`,
// which an earlier WayVariables() said, as far as variables decide it. Empty: it is not known what
// the sender had, and whoever asks may say so; nobody does not.
bool LeadsAsFor(absl::string_view variables, const Team& team);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_WAY_VARIABLES_H_
