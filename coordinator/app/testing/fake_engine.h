#ifndef IRIS_COORDINATOR_APP_TESTING_FAKE_ENGINE_H_
#define IRIS_COORDINATOR_APP_TESTING_FAKE_ENGINE_H_

#include <memory>

#include "common/loop/event_loop.h"
#include "coordinator/app/engine.h"

namespace iris {

// An engine without hosts, for tests of the whole program. The first word of a message says what
// its team does:
//
//   deaf       never answers, and is cancelled only in another life of the coordinator
//   die        says "half an answer", then its claude ends with signal 9
//   hold       never answers
//   16MiB      answers 16 MiB of text
//   anything else is answered with itself
std::unique_ptr<Engine> MakeFakeEngine(EventLoop& loop, const EngineOptions& options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_APP_TESTING_FAKE_ENGINE_H_
