#ifndef IRIS_COORDINATOR_LINK_TESTING_FAKE_HOST_H_
#define IRIS_COORDINATOR_LINK_TESTING_FAKE_HOST_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "common/base/scoped_fd.h"
#include "coordinator/link/connection.h"
#include "coordinator/link/connector.h"
#include "grpcpp/server.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// A host for the tests of links: an agent that answers probes and leaves when asked to (it only
// counts that), and has one session that says what nobody asked for, over socket pairs, with a
// client program that is none. Fails a test that makes two attempts at once, or one beside a client
// of an earlier life. Thread-safe; outlives its connectors.
class FakeHost {
 public:
  FakeHost();
  ~FakeHost();

  std::unique_ptr<Connector> MakeConnector();

  // How attempts end from now on; OK = connected.
  void AnswerWith(const absl::Status& outcome);
  // The same, before the host's shell has answered.
  void Refuse(const absl::Status& outcome);
  // Attempts from now on do not end before Release(), or before they are cancelled.
  void Hold();
  // Neither does the end of a client.
  void HoldEnds();
  void Release();
  // Neither probes nor Shutdown are answered before Silence(false).
  void Silence(bool silent);
  // Shutdown is answered with this failure from now on, or, where it is OK, with `response`.
  void AnswerShutdown(const absl::Status& outcome, const v1::ShutdownResponse& response = {});
  // What List says from now on.
  void Holds(const v1::ListResponse& sessions);
  // As its hello says it from now on; 0 before.
  void RunsBuild(uint32_t number);
  // As its hello says it from now on. Hosts of one name are one agent.
  void CallItself(const std::string& host_id);
  // The agent serves what is connected to `fd`, a non-blocking socket, as its wires.
  void Serve(ScopedFd fd);
  // The session says something every 10 ms.
  void Speak(bool speaks);
  // It says event after event, whatever it was given credit for.
  void Flood(const v1::Event& event);
  int events_said() const { return events_said_; }
  int attaches_ended() const { return attaches_ended_; }
  // What the client says of its end; OK = there is no client.
  void ClientSays(const absl::Status& words);
  // Cuts every wire that was made, as a lost network does.
  void CutWires();

  int attempts() const;
  int shutdowns() const;  // Asked for.
  v1::ShutdownRequest last_shutdown() const;
  // Attempts and clients' ends that are running now.
  int running() const;
  // Clients that live.
  int clients() const;

 private:
  class HostConnector;
  class Client;
  class Service;

  absl::StatusOr<Connection> Connect(const Connector::OnProgress& on_progress,
                                     const std::atomic<bool>& cancelled);
  bool silent() const;
  // What the session says next; nothing: it is silent.
  absl::optional<v1::Event> Says() const;
  bool floods() const;
  v1::ListResponse sessions() const;
  absl::Status OnShutdown(const v1::ShutdownRequest& request, v1::ShutdownResponse* response);
  void ServeLocked(ScopedFd fd) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  absl::Status outcome_ ABSL_GUARDED_BY(mutex_);
  bool refuses_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status client_says_ ABSL_GUARDED_BY(mutex_);
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool ends_held_ ABSL_GUARDED_BY(mutex_) = false;
  bool silent_ ABSL_GUARDED_BY(mutex_) = false;
  bool speaks_ ABSL_GUARDED_BY(mutex_) = false;
  absl::optional<v1::Event> flood_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> events_said_ = 0;
  std::atomic<int> attaches_ended_ = 0;
  int attempts_ ABSL_GUARDED_BY(mutex_) = 0;
  int connecting_ ABSL_GUARDED_BY(mutex_) = 0;
  int ending_ ABSL_GUARDED_BY(mutex_) = 0;
  int clients_ ABSL_GUARDED_BY(mutex_) = 0;
  int shutdowns_ ABSL_GUARDED_BY(mutex_) = 0;
  v1::ShutdownRequest last_shutdown_ ABSL_GUARDED_BY(mutex_);
  absl::Status shutdown_outcome_ ABSL_GUARDED_BY(mutex_);
  v1::ShutdownResponse shutdown_response_ ABSL_GUARDED_BY(mutex_);
  v1::ListResponse sessions_ ABSL_GUARDED_BY(mutex_);
  uint32_t build_number_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string host_id_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> wires_ ABSL_GUARDED_BY(mutex_);  // The agent's ends, duplicated.
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_TESTING_FAKE_HOST_H_
