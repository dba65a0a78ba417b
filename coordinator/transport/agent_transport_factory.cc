#include "coordinator/transport/agent_transport_factory.h"

#include <utility>

namespace iris {
namespace {

class AgentTransportFactory final : public TransportFactory {
 public:
  AgentTransportFactory(EventLoop& loop, LinkTable& links, CoordinatorIdentity identity,
                        ByteBudget& budget)
      : loop_(loop), links_(links), identity_(std::move(identity)), budget_(budget) {}

  std::unique_ptr<Transport> Make(const Team& team, const SessionKey& key, const ReadMark& after,
                                  TransportSink& sink) override {
    return std::make_unique<AgentTransport>(loop_, links_.MakeFor(team), identity_, team, key,
                                            after, sink, &budget_);
  }

 private:
  EventLoop& loop_;
  LinkTable& links_;
  const CoordinatorIdentity identity_;
  ByteBudget& budget_;
};

}  // namespace

std::unique_ptr<TransportFactory> MakeTransportFactory(EventLoop& loop, LinkTable& links,
                                                       CoordinatorIdentity identity,
                                                       ByteBudget& budget) {
  return std::make_unique<AgentTransportFactory>(loop, links, std::move(identity), budget);
}

}  // namespace iris
