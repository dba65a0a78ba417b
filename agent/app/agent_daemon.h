#ifndef IRIS_AGENT_APP_AGENT_DAEMON_H_
#define IRIS_AGENT_APP_AGENT_DAEMON_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "agent/app/data_dir.h"
#include "agent/app/links.h"
#include "agent/app/options.h"
#include "agent/app/upgrade.h"
#include "agent/claude/auth_links.h"
#include "agent/handover/handover.pb.h"
#include "agent/inventory/host_facts.h"
#include "agent/inventory/mounts.h"
#include "agent/process/work_thread.h"
#include "agent/service/agent_service.h"
#include "agent/service/grpc_service.h"
#include "agent/session/session_table.h"
#include "common/base/scoped_fd.h"
#include "common/endpoint/door.h"
#include "common/endpoint/endpoint.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace grpc {
class Server;
}

namespace iris {

// One life of the agent: the sessions on the process loop, their gRPC service, and the door to it.
//
// GoOn() in place of Start() after an upgrade: the program before, in this very process, has handed
// over its children, locks and sockets.
//
//   Start → serving → Leave (signal, Shutdown call, idle) → doors shut → children gone → calls
//   answered or cut → locks released
//
// The public calls belong to the thread that made it; everything else happens on the loop.
class AgentDaemon {
 public:
  // What says that this agent is the one. Held until the very end.
  struct Locks {
    Endpoint endpoint;
    ScopedFd endpoint_lock;
    ScopedFd data_lock;
  };

  // The process has blocked SIGTERM and SIGINT. FAILURE_STORAGE: cannot listen.
  static absl::StatusOr<std::unique_ptr<AgentDaemon>> Start(const Options& options,
                                                            const HostFacts& facts,
                                                            const DataDir& data, Locks locks);
  // FAILURE_INTERNAL: what was handed over is not what it should be; nothing of it is open any
  // more.
  static absl::StatusOr<std::unique_ptr<AgentDaemon>> GoOn(const Options& options,
                                                           const HostFacts& facts,
                                                           const DataDir& data,
                                                           const handover::Agent& before);
  ~AgentDaemon();

  // Serves until it has left. The children are gone then, or kLeaveWithin is over.
  void RunUntilLeft();

 private:
  using Clock = std::chrono::steady_clock;

  AgentDaemon(const Options& options, const HostFacts& facts, const DataDir& data);
  void Stop();

  // On the loop.
  absl::Status Serve(const google::protobuf::RepeatedPtrField<handover::Session>& before);
  void MakeDoor(ScopedFd data_lock);
  absl::Status HearSignals();
  void StartLooking();
  absl::Status Become(const std::string& program);
  void OnConnection(ScopedFd fd);
  void OnSignal();
  void LookIfIdle();
  void LookAtAuthLinks();
  bool idle();
  void Leave(const std::string& why);
  void SetLeft();
  // As it is now, for who connects at `socket`.
  v1::Hello HelloAt(const std::string& socket) const;
  v1::GetHostResponse GetHost();

  void RunOnLoop(absl::AnyInvocable<void()> step);

  const Options options_;
  const HostFacts facts_;
  const std::string host_dir_;
  const std::string sessions_dir_;
  const std::string incarnation_;
  const v1::Hello hello_;  // What does not change.
  const Clock::time_point started_ = Clock::now();

  ScopedFd data_lock_;
  std::string socket_;                     // Where it was found open last.
  Mounts mounts_;                          // Outlives all that asks it.
  std::unique_ptr<AuthLinks> auth_links_;  // Outlives the sessions.
  std::unique_ptr<WorkThread> work_;       // So does this, which ends off the loop.
  std::unique_ptr<SessionTable> sessions_;
  std::unique_ptr<AgentService> service_;
  std::unique_ptr<v1::Agent::CallbackService> grpc_service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<Upgrade> upgrade_;
  Links links_;
  ScopedFd signals_;
  Clock::time_point busy_ = Clock::now();  // When it was seen busy last.
  bool leaving_ = false;
  bool is_left_ = false;
  absl::Notification left_;

  LoopThread loop_;  // Last: what lives on it is destroyed there, by Stop().
};

}  // namespace iris

#endif  // IRIS_AGENT_APP_AGENT_DAEMON_H_
