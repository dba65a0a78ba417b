#ifndef IRIS_TESTS_SIMULATION_CLIENT_H_
#define IRIS_TESTS_SIMULATION_CLIENT_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/agent_channel.h"
#include "proto/iris/v1/agent.pb.h"
#include "tests/simulation/calls.h"
#include "tests/simulation/wire.h"
#include "tests/simulation/world.h"

namespace iris::simulation {

// What travels on Attach streams is looked at, and may be changed, before it is sent. `stream`
// tells one from another.
struct ClientTaps {
  std::function<void(const void* stream, v1::AttachRequest&)> on_request;
  std::function<void(const void* stream, const v1::AttachResponse&)> on_response;
};

// The coordinator's end of a wire. Calls hear from World::Soon(), never from inside a call.
class ClientChannel : private WireEnd, public std::enable_shared_from_this<ClientChannel> {
 public:
  class Call {
   public:
    virtual ~Call() = default;
    virtual void OnMessage(absl::string_view body) = 0;
    // How it ended, once.
    virtual void OnFinish(const absl::Status& status) = 0;
    virtual bool finished() const = 0;
    virtual bool over() const = 0;  // Its owner has heard all.
    // The process is gone, and with it whoever made the call: its loop is not used any more.
    virtual void Abandon() = 0;
  };

  static std::shared_ptr<ClientChannel> Make(World& world, std::shared_ptr<Wire> wire,
                                             ClientTaps taps);
  ~ClientChannel() override;

  // What the coordinator calls the agent by; it keeps this.
  std::unique_ptr<AgentChannel> Open(EventLoop& loop);

  // The coordinator is gone, with every call.
  void Abandon();

  // ---- for the calls
  uint32_t Begin(Method method, std::shared_ptr<Call> call);
  void SendMessage(uint32_t id, const std::string& body);
  // Unless it has finished by then.
  void CancelSoon(uint32_t id);
  // The call is over.
  void Forget(uint32_t id) { calls_.erase(id); }
  World& world() { return world_; }
  const ClientTaps& taps() const { return taps_; }

 private:
  ClientChannel(World& world, std::shared_ptr<Wire> wire, ClientTaps taps)
      : world_(world), wire_(std::move(wire)), taps_(std::move(taps)) {}
  void OnFrame(const Frame& frame) override;
  void OnLost() override;
  void Cancel(uint32_t id);
  void Finish(uint32_t id, const absl::Status& status);

  World& world_;
  const std::shared_ptr<Wire> wire_;
  const ClientTaps taps_;
  std::map<uint32_t, std::shared_ptr<Call>> calls_;
  uint32_t next_call_ = 1;
  bool lost_ = false;
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_CLIENT_H_
