#include "absl/synchronization/mutex.h"
#include "coordinator/app/agent_engine.h"
#include "coordinator/cli/run.h"

int main(int argc, char** argv) {
  // Debian's Abseil looks at every lock for one: 5 % of the CPU. Tests keep that.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return iris::RunIris(argc, argv, iris::MakeAgentEngine);
}
