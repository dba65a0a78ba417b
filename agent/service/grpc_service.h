#ifndef IRIS_AGENT_SERVICE_GRPC_SERVICE_H_
#define IRIS_AGENT_SERVICE_GRPC_SERVICE_H_

#include <memory>

#include "agent/service/agent_service.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.grpc.pb.h"

namespace iris {

// The service by gRPC, to be registered with a grpc::ServerBuilder. `loop` and `service` outlive it
// and whatever it has posted.
std::unique_ptr<v1::Agent::CallbackService> MakeGrpcService(EventLoop& loop, AgentService& service);

}  // namespace iris

#endif  // IRIS_AGENT_SERVICE_GRPC_SERVICE_H_
