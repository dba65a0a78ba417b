#ifndef IRIS_COORDINATOR_SERVICE_DAEMON_CONTROL_H_
#define IRIS_COORDINATOR_SERVICE_DAEMON_CONTROL_H_

#include <functional>
#include <string>
#include <vector>

#include "coordinator/link/host_report.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What front ends may ask of the daemon itself. Lives on the coordinator's loop.
class DaemonControl {
 public:
  virtual ~DaemonControl() = default;

  // Everything of GetStatus but the sessions, and but for what the hosts say.
  virtual v1::GetStatusResponse Status() const = 0;
  // As LinkTable::AskHosts().
  virtual void AskHosts(HostReportsDone done) = 0;
  // Somebody asks for something: what the configuration has no more is let go of.
  virtual void FollowConfig() = 0;
  // Ends the agents if asked to, then the daemon. `done` runs before the daemon goes, which waits
  // for the answer to be sent.
  virtual void Stop(const v1::StopRequest& request,
                    std::function<void(const v1::StopResponse&)> done) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_DAEMON_CONTROL_H_
