#ifndef IRIS_COORDINATOR_APP_SERVE_H_
#define IRIS_COORDINATOR_APP_SERVE_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "coordinator/app/engine.h"

namespace iris {

// `iris serve`: runs the coordinator until it leaves. Lets the process that started it know, if one
// did, how the start ended. Logs to Places::log. AlreadyExists: another process is this user's
// coordinator. Else as Daemon::Start() and FindPlaces().
absl::Status Serve(absl::Duration idle_exit, const MakeEngine& make_engine);

}  // namespace iris

#endif  // IRIS_COORDINATOR_APP_SERVE_H_
