#ifndef IRIS_AGENT_SERVICE_AGENT_SERVICE_H_
#define IRIS_AGENT_SERVICE_AGENT_SERVICE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/service/served_stream.h"
#include "agent/session/session_table.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What the agent does for coordinators, a method of agent.proto each: turns calls into operations
// of the session table, and its events into streams, whatever carries both (grpc_service.h). Lives
// on the process loop.
class AgentService {
 public:
  // Gives the answer to a call, or why there is none: once, on the loop, at once or later.
  template <typename Response>
  using Reply = std::function<void(absl::StatusOr<Response>)>;
  using AttachServed = ServedStream<v1::AttachRequest, v1::AttachResponse>;
  using ProbeServed = ServedStream<v1::ProbeRequest, v1::ProbeResponse>;

  using UpgradeDone = absl::AnyInvocable<void(const absl::Status&)>;
  struct Hooks {
    // Called on the loop, for GetHost.
    std::function<v1::GetHostResponse()> get_host;
    // Called on the loop after Shutdown ended every session and was answered; the daemon leaves.
    std::function<void()> on_shutdown;
    // Called on the loop: becomes the build at `program`, or says that it is not needed (OK) or why
    // it cannot. Null: FAILURE_VERSION.
    std::function<void(const std::string& program, UpgradeDone done)> on_upgrade = nullptr;
  };

  // `loop` and `sessions` outlive the service; `sessions` lives on `loop`.
  static std::unique_ptr<AgentService> Make(EventLoop& loop, SessionTable& sessions, Hooks hooks);
  virtual ~AgentService() = default;

  // `request` need not outlive the call.
  virtual void Acquire(const v1::AcquireRequest& request, Reply<v1::AcquireResponse> reply) = 0;
  virtual void Open(const v1::OpenRequest& request, Reply<v1::OpenResponse> reply) = 0;
  virtual void CancelTell(const v1::CancelTellRequest& request,
                          Reply<v1::CancelTellResponse> reply) = 0;
  virtual void AnswerRequest(const v1::AnswerRequestRequest& request,
                             Reply<v1::AnswerRequestResponse> reply) = 0;
  virtual void Close(const v1::CloseRequest& request, Reply<v1::CloseResponse> reply) = 0;
  virtual void List(const v1::ListRequest& request, Reply<v1::ListResponse> reply) = 0;
  virtual void GetHost(const v1::GetHostRequest& request, Reply<v1::GetHostResponse> reply) = 0;
  virtual void Shutdown(const v1::ShutdownRequest& request, Reply<v1::ShutdownResponse> reply) = 0;
  virtual void Upgrade(const v1::UpgradeRequest& request, Reply<v1::UpgradeResponse> reply) = 0;

  // Who serves a stream that has just been opened and outlives that one.
  virtual std::unique_ptr<AttachServed::Handler> Attach(AttachServed& stream) = 0;
  virtual std::unique_ptr<ProbeServed::Handler> Probe(ProbeServed& stream) = 0;

  // Streams (Attach, Probe) that are open now: an agent with one is not idle. Thread-safe.
  virtual size_t open_streams() const = 0;
  // Ends every open stream and refuses new ones, so that grpc::Server::Shutdown() does not wait for
  // them. Call on the loop.
  virtual void EndStreams() = 0;
};

}  // namespace iris

#endif  // IRIS_AGENT_SERVICE_AGENT_SERVICE_H_
