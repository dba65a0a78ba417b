#ifndef IRIS_TESTS_SIMULATION_SERVER_H_
#define IRIS_TESTS_SIMULATION_SERVER_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/service/agent_service.h"
#include "common/loop/event_loop.h"
#include "tests/simulation/calls.h"
#include "tests/simulation/wire.h"
#include "tests/simulation/world.h"

namespace iris::simulation {

// The agent's end of a wire, in front of the real service. What comes is posted to the agent's
// loop.
class ServerChannel : private WireEnd, public std::enable_shared_from_this<ServerChannel> {
 public:
  class Call {
   public:
    virtual ~Call() = default;
    virtual void OnMessage(absl::string_view body) = 0;
    // Cancelled by the caller, or the wire is gone.
    virtual void OnCancel() = 0;
    // The process is gone: its loop runs once more, and is not used after that.
    virtual void Abandon() = 0;
  };

  static std::shared_ptr<ServerChannel> Make(World& world, std::shared_ptr<Wire> wire,
                                             EventLoop& loop, AgentService& service);

  // The agent is gone, with every call. Drop() once its service is gone too, which may still refer
  // to some.
  void Abandon();
  void Drop() { calls_.clear(); }

  // ---- for the calls
  void SendMessage(uint32_t id, const std::string& body);
  void SendFinish(uint32_t id, const absl::Status& status);
  void Forget(uint32_t id) { calls_.erase(id); }
  World& world() { return world_; }
  EventLoop& loop() { return loop_; }
  AgentService& service() { return service_; }

 private:
  ServerChannel(World& world, std::shared_ptr<Wire> wire, EventLoop& loop, AgentService& service)
      : world_(world), wire_(std::move(wire)), loop_(loop), service_(service) {}
  void OnFrame(const Frame& frame) override;
  void OnLost() override;
  std::shared_ptr<Call> Start(uint32_t id, Method method);

  World& world_;
  const std::shared_ptr<Wire> wire_;
  EventLoop& loop_;
  AgentService& service_;
  std::map<uint32_t, std::shared_ptr<Call>> calls_;
  bool gone_ = false;
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_SERVER_H_
