#ifndef IRIS_COORDINATOR_DESK_DESK_H_
#define IRIS_COORDINATOR_DESK_DESK_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/environment/environment.h"
#include "coordinator/caller/caller.h"
#include "coordinator/desk/daemon_control.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/store/store.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// Who stands at the desk: for whom a front end asks, and with what.
struct Visitor {
  Caller caller;
  // Whoever looks after open messages lends its environment to those that nobody has asked for
  // since an earlier coordinator took them, and to their links. Null: not known; nothing is lent,
  // and where one is needed this process's own counts.
  SharedEnvironment environment = nullptr;
  std::string claude_session;  // Of the claude in whose turn it asks; empty: of none, or not known.
};

// The coordinator as front ends see it, whatever carries their calls: gRPC, MCP. What is asked for
// is said in values, and the messages of coordinator.proto are values here as well. A call that
// takes a `done` runs it once, on the loop, perhaps from inside; the others return what there is.
//
// Lives on the coordinator's loop.
class Desk {
 public:
  virtual ~Desk() = default;

  // Messages. As the methods of Orchestrator, where those have the name.
  virtual absl::Status Tell(TellSpec spec, TellObserver* observer) = 0;
  // `asker_waits`: as in TellSpec.
  virtual absl::Status Follow(const std::string& tell_id, const Visitor& visitor, bool asker_waits,
                              TellObserver* observer) = 0;
  virtual void RemoveObserver(const std::string& tell_id, TellObserver* observer) = 0;
  virtual absl::StatusOr<v1::TellSummary> Find(const std::string& tell_id,
                                               const Caller& caller) = 0;
  // `environment`: as in Visitor.
  using ListDone = std::function<void(const absl::StatusOr<v1::ListTellsResponse>&)>;
  virtual void List(const Caller& from, bool all, const SharedEnvironment& environment,
                    ListDone done) = 0;
  // The answers to `from` that nobody has read, oldest first. FAILURE_STORAGE.
  virtual absl::StatusOr<std::vector<Store::WaitingAnswer>> Unread(const Caller& from) = 0;
  // `caller` has read the answer. Fails as Find().
  virtual absl::Status MarkRead(const std::string& tell_id, const Caller& caller) = 0;
  using CancelDone = std::function<void(const absl::StatusOr<v1::CancelTellOfResponse>&)>;
  virtual void Cancel(const std::string& tell_id, const Visitor& visitor, CancelDone done) = 0;

  // What claudes ask before they go on.
  using AnswerDone = std::function<void(const absl::StatusOr<v1::AnswerPermissionResponse>&)>;
  virtual void AnswerPermission(const v1::AnswerPermissionRequest& request, AnswerDone done) = 0;

  // The conversation of the visitor with the team `to`.
  using WakeDone = std::function<void(const absl::StatusOr<v1::WakeResponse>&)>;
  virtual void Wake(const Visitor& visitor, const std::string& to, bool takeover,
                    WakeDone done) = 0;
  using SleepDone = std::function<void(const absl::StatusOr<v1::SleepResponse>&)>;
  virtual void Sleep(const Visitor& visitor, const std::string& to, bool force, SleepDone done) = 0;

  // The coordinator. The configured teams, with the visitor's variables, and the visitor's own
  // team. FAILURE_BAD_REQUEST: the configuration does not load, and never did.
  virtual absl::StatusOr<v1::ListTeamsResponse> Teams(const Visitor& visitor) = 0;
  // Why the configuration as it is now is not in force, and the last good one is; OK: it is.
  virtual absl::Status ConfigProblem(const SharedEnvironment& environment) = 0;
  // Hosts are asked: within a second or so, perhaps from inside. FAILURE_STORAGE.
  using StatusDone = std::function<void(const absl::StatusOr<v1::GetStatusResponse>&)>;
  virtual void Status(StatusDone done) = 0;
  using StopDone = DaemonControl::StopDone;
  virtual void Stop(const StopSpec& spec, StopDone done) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_DESK_DESK_H_
