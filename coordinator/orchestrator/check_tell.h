#ifndef IRIS_COORDINATOR_ORCHESTRATOR_CHECK_TELL_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_CHECK_TELL_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/caller/caller.h"
#include "coordinator/config/config.h"
#include "coordinator/orchestrator/tell.h"

namespace iris {

// What can be said of a tell by itself. FAILURE_BAD_REQUEST: it breaks a rule of TellSpec.
absl::Status CheckTell(const TellSpec& spec);

// Of a tell whose sender heard that it was stored, and that is not: FAILURE_AMBIGUOUS.
absl::Status StoredAndGone(const TellSpec& spec);

// Whether a tell, a wake or a sleep may go from one to the other: a caller whose team is
// configured, or that has none, and a configured team. FAILURE_BAD_REQUEST: of the team it names
// those that there are, and the one that was probably meant.
absl::Status CheckTeams(const Caller& from, absl::string_view to, const Config& config);

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_CHECK_TELL_H_
