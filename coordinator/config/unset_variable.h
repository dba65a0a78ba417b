#ifndef IRIS_COORDINATOR_CONFIG_UNSET_VARIABLE_H_
#define IRIS_COORDINATOR_CONFIG_UNSET_VARIABLE_H_

#include "absl/status/status.h"

namespace iris {

// A configuration that names a variable which whoever asks does not have is no broken one: for
// others it may be good. Such a refusal carries a mark, which stays in this process and which
// Annotate() drops.

// `refusal`, which is not OK, with the mark.
absl::Status MarkUnsetVariable(absl::Status refusal);

// Whether nothing else is wrong: every refusal that is in `status` was for a variable that is not
// set.
bool IsUnsetVariable(const absl::Status& status);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_UNSET_VARIABLE_H_
