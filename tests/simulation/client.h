#ifndef IRIS_TESTS_SIMULATION_CLIENT_H_
#define IRIS_TESTS_SIMULATION_CLIENT_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "grpcpp/client_context.h"
#include "proto/iris/v1/agent.grpc.pb.h"
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

// The coordinator's end of a wire: what gRPC's client is otherwise. Its stub() may be used as long
// as the channel lives. Callbacks come from World::Soon(), never from inside a call.
class ClientChannel : private WireEnd, public std::enable_shared_from_this<ClientChannel> {
 public:
  class Call {
   public:
    virtual ~Call() = default;
    virtual void OnMessage(absl::string_view body) = 0;
    virtual void OnFinish(const grpc::Status& status) = 0;
    // Cancelled by its owner, and not finished.
    virtual bool cancelled() const = 0;
    virtual bool over() const = 0;  // Its owner has heard all.
    // The process is gone: frees what gRPC would hold, without a word to anybody.
    virtual void Abandon() = 0;
  };

  static std::shared_ptr<ClientChannel> Make(World& world, std::shared_ptr<Wire> wire,
                                             ClientTaps taps);
  ~ClientChannel() override;

  // A stub that keeps the channel.
  std::unique_ptr<v1::Agent::StubInterface> MakeStub();

  // Notices calls that were cancelled. False: none was.
  bool LookForCancelled();
  // The coordinator is gone, with every call.
  void Abandon();

  // ---- for the calls
  uint32_t Begin(Method method, std::shared_ptr<Call> call);
  void SendMessage(uint32_t id, const std::string& body);
  // The call is over.
  void Forget(uint32_t id) { calls_.erase(id); }
  World& world() { return world_; }
  const ClientTaps& taps() const { return taps_; }

 private:
  ClientChannel(World& world, std::shared_ptr<Wire> wire, ClientTaps taps)
      : world_(world), wire_(std::move(wire)), taps_(std::move(taps)) {}
  void OnFrame(const Frame& frame) override;
  void OnLost() override;
  void Finish(uint32_t id, const grpc::Status& status);

  World& world_;
  const std::shared_ptr<Wire> wire_;
  const ClientTaps taps_;
  std::map<uint32_t, std::shared_ptr<Call>> calls_;
  uint32_t next_call_ = 1;
  bool lost_ = false;
};

// Whether ClientContext::TryCancel() was called, which gRPC keeps to itself.
bool WasCancelled(const grpc::ClientContext& context);

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_CLIENT_H_
