#ifndef IRIS_COORDINATOR_LINK_GRPC_CHANNEL_H_
#define IRIS_COORDINATOR_LINK_GRPC_CHANNEL_H_

#include <memory>

#include "common/base/scoped_fd.h"
#include "common/loop/event_loop.h"
#include "coordinator/link/agent_channel.h"
#include "coordinator/link/calls.h"

namespace iris {

// gRPC over `wire`, a non-blocking descriptor on which the hello was read. `loop` stays until none
// of `calls` is left.
std::unique_ptr<AgentChannel> OpenGrpcChannel(EventLoop& loop, OutstandingCalls& calls,
                                              ScopedFd wire);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_GRPC_CHANNEL_H_
