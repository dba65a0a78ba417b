#ifndef IRIS_COORDINATOR_ORCHESTRATOR_LEAVING_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_LEAVING_H_

#include "absl/status/status.h"
#include "common/failure/failure.h"

namespace iris {

// What whoever asks hears from the end of this life on: FAILURE_DROPPED.
inline absl::Status Leaving() {
  return MakeFailure(v1::FAILURE_DROPPED, "the coordinator is leaving");
}

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LEAVING_H_
