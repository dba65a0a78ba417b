#ifndef IRIS_COORDINATOR_ORCHESTRATOR_CALLER_NAME_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_CALLER_NAME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace iris {

// The name of a caller whose folder belongs to no team: "notes@laptop" for /home/me/notes on
// laptop. No team can have it, since a team's name has no @. Where the folder's own name has
// characters other than letters, digits, '.', '_' and '-' they become '-', and a few digits that
// depend on the whole path are added, so that two such folders stay two callers. At most 128 bytes.
std::string NeutralCaller(absl::string_view folder, absl::string_view host);

// Whether `name` has the form that NeutralCaller() gives.
bool IsNeutralCaller(absl::string_view name);

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_CALLER_NAME_H_
