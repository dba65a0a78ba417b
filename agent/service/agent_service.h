#ifndef IRIS_AGENT_SERVICE_AGENT_SERVICE_H_
#define IRIS_AGENT_SERVICE_AGENT_SERVICE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "agent/session/session_table.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.grpc.pb.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// The gRPC face of the agent: turns calls into operations of the session table on the process loop,
// and its events into streams. Thread-safe, as gRPC calls it from its own threads.
class AgentService {
 public:
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

  // To be registered with a grpc::ServerBuilder.
  virtual v1::Agent::CallbackService& grpc_service() = 0;
  // Streams (Attach, Probe) that are open now: an agent with one is not idle. Thread-safe.
  virtual size_t open_streams() const = 0;
  // Ends every open stream and refuses new ones, so that grpc::Server::Shutdown() does not wait for
  // them. Call on the loop.
  virtual void EndStreams() = 0;
};

}  // namespace iris

#endif  // IRIS_AGENT_SERVICE_AGENT_SERVICE_H_
