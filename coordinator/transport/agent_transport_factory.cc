#include "coordinator/transport/agent_transport_factory.h"

#include <utility>

namespace iris {
namespace {

class AgentTransportFactory final : public TransportFactory {
 public:
  AgentTransportFactory(EventLoop& loop, LinkTable& links, CoordinatorIdentity identity,
                        ByteBudget& budget, FactoryWithoutAgent without_agent)
      : loop_(loop),
        links_(links),
        identity_(std::move(identity)),
        budget_(budget),
        without_agent_(std::move(without_agent)) {}

  std::unique_ptr<Transport> Make(const Team& team, const SessionKey& key, const ReadMark& after,
                                  TransportSink& sink) override {
    return std::make_unique<AgentTransport>(loop_, links_.MakeFor(team), identity_, team, key,
                                            after, sink, &budget_);
  }
  std::unique_ptr<Transport> MakeWithoutAgent(const Team& team, const SessionKey& key,
                                              const ReadMark& after, TransportSink& sink) override {
    if (!without_agent_ || !team.remote.has_value()) return nullptr;
    TransportFactory* const factory =
        without_agent_({.remote = *team.remote, .options = team.remote_options});
    return factory == nullptr ? nullptr : factory->Make(team, key, after, sink);
  }

 private:
  EventLoop& loop_;
  LinkTable& links_;
  const CoordinatorIdentity identity_;
  ByteBudget& budget_;
  const FactoryWithoutAgent without_agent_;
};

}  // namespace

std::unique_ptr<TransportFactory> MakeTransportFactory(EventLoop& loop, LinkTable& links,
                                                       CoordinatorIdentity identity,
                                                       ByteBudget& budget,
                                                       FactoryWithoutAgent without_agent) {
  return std::make_unique<AgentTransportFactory>(loop, links, std::move(identity), budget,
                                                 std::move(without_agent));
}

}  // namespace iris
