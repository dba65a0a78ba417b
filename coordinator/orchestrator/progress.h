#ifndef IRIS_COORDINATOR_ORCHESTRATOR_PROGRESS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_PROGRESS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/transport/transport.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// How progress is reported to front ends. Texts are cut to what TellProgress allows.
v1::TellProgress ToProto(const TransportProgress& progress);
v1::TellProgress QueuedProgress(size_t ahead);
// The next of its session, which has no process: `busy` of `processes_max` cannot be had.
v1::TellProgress NoProcessProgress(size_t busy, size_t processes_max);
// The next of its session, of an earlier life, for whose team's passEnv nobody's variables are
// known.
v1::TellProgress NoAskerProgress();
// `what` has to wait until the store takes it: `why`.
v1::TellProgress NotStoredProgress(absl::string_view what, const absl::Status& why);

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_PROGRESS_H_
