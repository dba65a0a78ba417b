#ifndef IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_FACTORY_H_
#define IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_FACTORY_H_

#include <functional>
#include <memory>

#include "common/budget/byte_budget.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/link/link_table.h"
#include "coordinator/transport/agent_transport.h"
#include "coordinator/transport/transport_factory.h"

namespace iris {

// What makes transports to the hosts of this kind that need no agent there; null: nothing does.
// Outlives every transport.
using FactoryWithoutAgent = std::function<TransportFactory*(const RemoteWay& way)>;

// Each session gets an AgentTransport over its team's way to the agent. `links` and `budget`, of
// what the sessions hold in memory, outlive the factory and every transport. `without_agent` may be
// empty; it is not asked of this machine.
std::unique_ptr<TransportFactory> MakeTransportFactory(EventLoop& loop, LinkTable& links,
                                                       CoordinatorIdentity identity,
                                                       ByteBudget& budget,
                                                       FactoryWithoutAgent without_agent = {});

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_AGENT_TRANSPORT_FACTORY_H_
