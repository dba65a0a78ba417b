#ifndef IRIS_TESTS_INTEGRATION_IN_PROCESS_HOST_H_
#define IRIS_TESTS_INTEGRATION_IN_PROCESS_HOST_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/service/agent_service.h"
#include "agent/service/grpc_service.h"
#include "agent/session/session_table.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/connector.h"
#include "grpcpp/server.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// An agent in this process, reached over socket pairs: the real session engine, the real service,
// the stub claude as its child. Every Connect() of a connector made here is one more wire to it.
class InProcessHost {
 public:
  // `home` is a scratch directory; `path` is the PATH of children. `hostname` is for people:
  // another host is who has another home.
  InProcessHost(const std::string& home, const std::string& keeper_program, const std::string& path,
                const std::string& hostname = "in-process");
  ~InProcessHost();  // Ends every session.

  std::unique_ptr<Connector> MakeConnector();
  // The next Connect() fails like this; OK = connects again.
  void RefuseWith(const absl::Status& why) {
    absl::MutexLock lock(&mutex_);
    refusal_ = why;
  }
  // Connectors of this host lead to `other` from now on, which outlives them: a name that means
  // another host since.
  void LeadTo(InProcessHost& other) {
    absl::MutexLock lock(&mutex_);
    leads_to_ = &other;
  }
  // Here again.
  void LeadHere() {
    absl::MutexLock lock(&mutex_);
    leads_to_ = nullptr;
  }
  // It says that it is `other`, none of whose sessions it has: what that is once it was wiped.
  void PassFor(const InProcessHost& other) {
    absl::MutexLock lock(&mutex_);
    hello_.set_host_id(other.hello_.host_id());
    hello_.set_data_dir(other.hello_.data_dir());
  }
  // What the hello of every further connection says.
  void SetSshAuthSock(const std::string& path) {
    absl::MutexLock lock(&mutex_);
    hello_.set_ssh_auth_sock(path);
  }
  void SetBuildNumber(uint32_t number) {
    absl::MutexLock lock(&mutex_);
    hello_.set_build_number(number);
  }
  // Cuts every wire that was made, as a lost network does.
  void CutWires();
  // A tell is under way here, whoever listens.
  bool busy();
  // Tells that wait here for their turn.
  size_t tells_waiting();

 private:
  class WireConnector;

  absl::StatusOr<Connection> Connect();
  v1::ListResponse List();

  LoopThread loop_;
  v1::Hello hello_;
  std::unique_ptr<SessionTable> sessions_;
  std::unique_ptr<AgentService> service_;
  std::unique_ptr<v1::Agent::CallbackService> grpc_service_;
  std::unique_ptr<grpc::Server> server_;
  absl::Mutex mutex_;  // Links connect on threads of their own.
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  InProcessHost* leads_to_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // The agent's ends, duplicated so that they can be cut.
  std::vector<int> wires_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace iris

#endif  // IRIS_TESTS_INTEGRATION_IN_PROCESS_HOST_H_
