#ifndef IRIS_COORDINATOR_MCP_DESK_H_
#define IRIS_COORDINATOR_MCP_DESK_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/store/store.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// For whom a client speaks.
struct McpCaller {
  std::string name;  // A team, or a caller that is none (Caller::InFolder()). Empty: not known.
  std::vector<std::string> also;  // Further teams: a call may name one of them instead.
  bool calls_say_it = false;      // Its front end is too old to know: each call names its team.
};

// What one MCP client can have done: the coordinator, as the tools see it. Lives on the
// coordinator's loop.
class McpDesk {
 public:
  virtual ~McpDesk() = default;

  // As the methods of Orchestrator.
  virtual absl::Status Tell(TellSpec spec, TellObserver* observer) = 0;
  // `asker_waits`: as in TellSpec.
  virtual absl::Status Follow(const std::string& tell_id, const std::string& caller,
                              TellObserver* observer, bool asker_waits) = 0;
  virtual void RemoveObserver(const std::string& tell_id, TellObserver* observer) = 0;
  virtual absl::StatusOr<v1::TellSummary> Find(const std::string& tell_id,
                                               const std::string& caller) = 0;
  virtual absl::StatusOr<v1::ListTellsResponse> List(const std::string& from, bool all) = 0;
  virtual absl::StatusOr<std::vector<Store::WaitingAnswer>> Unfetched(const std::string& from) = 0;
  using CancelDone = std::function<void(const absl::StatusOr<v1::CancelTellOfResponse>&)>;
  virtual void Cancel(const std::string& tell_id, const std::string& caller, CancelDone done) = 0;
  using WakeDone = std::function<void(const absl::StatusOr<v1::WakeResponse>&)>;
  virtual void Wake(const std::string& from, const std::string& to, WakeDone done) = 0;
  using SleepDone = std::function<void(const absl::StatusOr<v1::SleepResponse>&)>;
  virtual void Sleep(const std::string& from, const std::string& to, bool force,
                     SleepDone done) = 0;

  // FAILURE_BAD_REQUEST: the configuration does not load, and never did.
  virtual absl::StatusOr<v1::ListTeamsResponse> Teams() = 0;
  // Why the configuration as it is now is not in force, and the last good one is; OK: it is.
  virtual absl::Status ConfigProblem() = 0;
  virtual McpCaller Caller() = 0;
  // `done` once, on the loop, perhaps from inside. FAILURE_STORAGE.
  using StatusDone = std::function<void(const absl::StatusOr<v1::GetStatusResponse>&)>;
  virtual void Status(StatusDone done) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_MCP_DESK_H_
