#ifndef IRIS_COORDINATOR_CONFIG_WAY_VARIABLES_H_
#define IRIS_COORDINATOR_CONFIG_WAY_VARIABLES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "coordinator/config/config.h"

namespace iris {

// Of the variables that the configuration names for a team those of the team's asker, where nobody
// asks this process's. Who has others may be led to another host, or be another account there
// (`remote`, the texts of remoteOptions), or get another claude (`path`, `claudePath`,
// and `env` as it is in force). A digest for each of the two, since a value may be a secret;
// another text where there is no variable.
std::string WayVariables(const Team& team);

// Whether the team as it is for its asker is what it was for a sender with those `variables`, which
// an earlier WayVariables() said, as far as variables decide it. Empty: it is not known what the
// sender had, and whoever asks may say so; nobody does not. So it is with the second digest, which
// earlier builds did not make.
bool LeadsAsFor(absl::string_view variables, const Team& team);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_WAY_VARIABLES_H_
