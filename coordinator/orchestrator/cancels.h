#ifndef IRIS_COORDINATOR_ORCHESTRATOR_CANCELS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_CANCELS_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/loop/event_loop.h"
#include "coordinator/caller/caller.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/arrivals.h"
#include "coordinator/orchestrator/host_cancels.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/session_lines.h"
#include "coordinator/orchestrator/ways.h"
#include "coordinator/store/store_queue.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Ends tells for whoever cancels them, wherever they are: behind its arrival what is being stored,
// at once what waits, by its host what is in flight. Lives on the coordinator's loop.
class Cancels {
 public:
  using Done = AcceptedTell::CancelDone;

  // All outlive this. `callers_max`: who cancels one tell at most.
  Cancels(EventLoop& loop, StoreQueue& store, Arrivals& arrivals, OpenTells& tells,
          HostCancels& owed, SessionLines& lines, Ways& ways, size_t callers_max)
      : loop_(loop),
        store_(store),
        arrivals_(arrivals),
        tells_(tells),
        owed_(owed),
        lines_(lines),
        ways_(ways),
        callers_max_(callers_max) {}

  // As Orchestrator.
  void Cancel(const std::string& tell_id, const Caller& caller, Done done);
  // What an earlier life was asked to cancel, and hosts have not heard of: once, when its tells are
  // taken up. FAILURE_STORAGE, and what SaysNothingOfTheTeam().
  absl::Status TakeUpEarlier();

 private:
  absl::StatusOr<v1::CancelTellOfResponse> Begin(const std::string& tell_id, const Caller& caller,
                                                 Done& done);

  EventLoop& loop_;
  StoreQueue& store_;
  Arrivals& arrivals_;
  OpenTells& tells_;
  HostCancels& owed_;
  SessionLines& lines_;
  Ways& ways_;
  const size_t callers_max_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_CANCELS_H_
