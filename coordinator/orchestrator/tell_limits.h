#ifndef IRIS_COORDINATOR_ORCHESTRATOR_TELL_LIMITS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_TELL_LIMITS_H_

#include <cstddef>

#include "absl/time/time.h"
#include "coordinator/kept/answers_kept.h"
#include "coordinator/orchestrator/limit_wait.h"

namespace iris {

struct TellLimits {
  size_t waiting_max = 1000;           // Tells behind the one in flight, for each session.
  size_t observers_max = 100;          // For each tell; as many may cancel it.
  size_t answer_bytes_max = 64 << 20;  // What is more is thrown away, and the tell fails.
  absl::Duration wake_waits_max = absl::Minutes(5);  // In the pool's line.
  absl::Duration housekeeping = absl::Minutes(10);   // Between two of Store::KeepHouse().
  absl::Duration host_wait_max = kAnswersKept;       // From accepted on, as LeftMessage says.
  LimitWaits limit_waits;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_TELL_LIMITS_H_
