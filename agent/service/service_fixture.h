#ifndef IRIS_AGENT_SERVICE_SERVICE_FIXTURE_H_
#define IRIS_AGENT_SERVICE_SERVICE_FIXTURE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "agent/service/agent_service.h"
#include "agent/service/grpc_service.h"
#include "agent/session/session_table.h"
#include "agent/testing/held_turns.h"
#include "common/base/ids.h"
#include "common/loop/event_loop.h"
#include "common/testing/scratch_dir.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/server.h"
#include "grpcpp/support/sync_stream.h"
#include "gtest/gtest.h"
#include "proto/iris/v1/agent.grpc.pb.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

inline constexpr absl::Duration kServiceDeadline = absl::Seconds(240);

// A call's context, with the deadline that every call of these tests has.
std::unique_ptr<grpc::ClientContext> NewContext();

// The coordinator's end of one Attach call. Blocking; nothing blocks beyond kServiceDeadline.
class Reader {
 public:
  static constexpr uint64_t kAmple = 1 << 30;

  explicit Reader(v1::Agent::Stub& stub);
  // Cancels what is still open.
  ~Reader();

  // Sends the first message and returns the first answer; empty if the call ended instead.
  v1::AttachResponse Start(const std::string& session_id, uint64_t epoch,
                           uint64_t credit_bytes = kAmple,
                           const std::optional<v1::Position>& after = std::nullopt);
  bool Send(const v1::AttachRequest& request) { return stream_->Write(request); }
  void SendTell(const std::string& tell_id, const std::string& text);
  void SendFrame(const std::string& tell_id, const std::string& text, bool last);
  void SendCredit(uint64_t bytes);
  void SendAck(uint64_t seq);

  // The next batch; none at the end of the call.
  std::optional<std::vector<v1::Event>> Next();
  // Reads until `tell_id` is settled, or the call ends. Returns what came.
  std::vector<v1::Event> ReadUntilSettled(const std::string& tell_id);
  // Where it is: the last event that was read.
  v1::Position position() const { return position_; }

  // The call's end, without waiting for more to read first.
  absl::Status Finish();
  void Cancel() { context_->TryCancel(); }

 private:
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AttachRequest, v1::AttachResponse>> stream_;
  v1::Position position_;
  bool finished_ = false;
};

// For tests: the service over a table of sessions, called through gRPC within the process; the
// children are stub claudes. Nothing may be left after a test.
class ServiceFixture : public ::testing::Test {
 protected:
  ServiceFixture();
  ~ServiceFixture() override;

  v1::LaunchSpec spec;  // What Open() starts, changed by the test before.
  const ScratchDir scratch;
  const std::string session_id = NewUuid();
  const std::string coordinator_id = NewUuid();

  // Each returns the call's failure; the answer is in the last argument.
  absl::Status Acquire(const v1::AcquireRequest& request, v1::AcquireResponse* response);
  absl::Status Open(uint64_t epoch, v1::OpenResponse* response);
  absl::Status Close(uint64_t epoch, v1::CloseResponse* response);
  absl::Status Shutdown(bool only_if_idle, v1::ShutdownResponse* response);
  absl::Status Shutdown(const v1::ShutdownRequest& request, v1::ShutdownResponse* response);
  v1::SessionInfo Info();

  // An epoch for `session_id`. It must be granted.
  uint64_t Lease();
  // The same for a coordinator that takes the session over.
  uint64_t Takeover();
  // Lease, and a child that runs.
  uint64_t LeaseAndOpen();

  // In the middle of a turn: `word` waits for LetGo() (agent/testing/held_turns.h).
  std::string Held(const std::string& word) { return held_.Word(word); }
  void LetGo() { held_.LetGo(); }

  // Runs `task` on the loop and waits for it.
  void Do(const std::function<void()>& task);
  AgentService& service() { return *service_; }
  v1::Agent::Stub& stub() { return *stub_; }
  absl::Notification left;  // on_shutdown was called.

 private:
  HeldTurns held_{scratch.path()};
  EventLoop loop_;
  std::unique_ptr<SessionTable> sessions_;
  std::unique_ptr<AgentService> service_;
  std::unique_ptr<v1::Agent::CallbackService> grpc_service_;
  std::thread thread_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Agent::Stub> stub_;
};

// All output in `events`, newlines back in.
std::string OutputOf(const std::vector<v1::Event>& events);
// The text of the assistant lines among them.
std::string AnswerIn(const std::vector<v1::Event>& events);
// How the last event of `events` settled a tell.
v1::Failure OutcomeIn(const std::vector<v1::Event>& events);

}  // namespace iris

#endif  // IRIS_AGENT_SERVICE_SERVICE_FIXTURE_H_
