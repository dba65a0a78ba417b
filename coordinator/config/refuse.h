#ifndef IRIS_COORDINATOR_CONFIG_REFUSE_H_
#define IRIS_COORDINATOR_CONFIG_REFUSE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"

namespace iris {

// Every refusal of a configuration is FAILURE_BAD_REQUEST and has a fix of its own. Where it stands
// (file, line, key path) is put before it with Annotate() by whoever knows it.
inline absl::Status Refuse(absl::string_view what, absl::string_view fix) {
  return MakeFailure(v1::FAILURE_BAD_REQUEST, what, fix);
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_REFUSE_H_
