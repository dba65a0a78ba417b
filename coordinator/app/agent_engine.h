#ifndef IRIS_COORDINATOR_APP_AGENT_ENGINE_H_
#define IRIS_COORDINATOR_APP_AGENT_ENGINE_H_

#include <memory>

#include "common/loop/event_loop.h"
#include "coordinator/app/engine.h"

namespace iris {

// The engine of `iris`: links to agents, local and over ssh, and transports over them.
std::unique_ptr<Engine> MakeAgentEngine(EventLoop& loop, const EngineOptions& options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_APP_AGENT_ENGINE_H_
