#include <string>
#include <utility>

#include "common/failure/failure.h"
#include "coordinator/orchestrator/orchestrator.h"

namespace iris {

void Orchestrator::Wake(const std::string& from, const std::string& to, WakeDone done) {
  loop_.Post(
      [done = std::move(done)] { done(MakeFailure(v1::FAILURE_INTERNAL, "not built yet")); });
}

void Orchestrator::Sleep(const std::string& from, const std::string& to, bool force,
                         SleepDone done) {
  loop_.Post(
      [done = std::move(done)] { done(MakeFailure(v1::FAILURE_INTERNAL, "not built yet")); });
}

}  // namespace iris
