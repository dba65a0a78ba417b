#ifndef IRIS_COORDINATOR_DESK_DAEMON_CONTROL_H_
#define IRIS_COORDINATOR_DESK_DAEMON_CONTROL_H_

#include <functional>

#include "common/environment/environment.h"
#include "coordinator/link/host_report.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What `iris stop` asks for.
struct StopSpec {
  bool agents = false;  // The agents too.
  bool force = false;   // With `agents`: also one with open messages of another coordinator.
  // Whoever asks: for ssh, to hosts that are not linked now. Null: not known.
  SharedEnvironment environment = nullptr;
};

// What the desk asks of the daemon itself. Lives on the coordinator's loop.
class DaemonControl {
 public:
  virtual ~DaemonControl() = default;

  // Everything of a status but the sessions, and but for what the hosts say.
  virtual v1::GetStatusResponse Status() const = 0;
  // As LinkTable::AskHosts().
  virtual void AskHosts(HostReportsDone done) = 0;
  // Somebody asks for something: what the configuration has no more is let go of.
  virtual void FollowConfig() = 0;
  // Ends the agents if asked to, then the daemon. `done` runs before the daemon goes, which waits
  // for the answer to be sent.
  using StopDone = std::function<void(const v1::StopResponse&)>;
  virtual void Stop(const StopSpec& spec, StopDone done) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_DAEMON_CONTROL_H_
