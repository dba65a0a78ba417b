#ifndef IRIS_COORDINATOR_ORCHESTRATOR_PROGRESS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_PROGRESS_H_

#include <cstddef>

#include "coordinator/transport/transport.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// How progress is told to front ends. Texts are cut to what TellProgress allows.
v1::TellProgress ToProto(const TransportProgress& progress);
v1::TellProgress QueuedProgress(size_t ahead);

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_PROGRESS_H_
