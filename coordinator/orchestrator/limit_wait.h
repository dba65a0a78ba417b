#ifndef IRIS_COORDINATOR_ORCHESTRATOR_LIMIT_WAIT_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_LIMIT_WAIT_H_

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "proto/iris/v1/coordinator.pb.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {

// How long a message waits for the limit of an account.
struct LimitWaits {
  absl::Duration after_reset = absl::Seconds(5);  // Clocks differ.
  // Where the time is unknown: so long, then twice as long each time.
  absl::Duration first = absl::Minutes(5);
  absl::Duration longest = absl::Hours(1);
  absl::Duration in_all = absl::Hours(8 * 24);  // Limits last a week at most.
};

// When to send the message again that was refused now, after `waits` earlier waits. Nothing: not at
// all, since something of it ran, or it would wait too long.
absl::optional<absl::Time> WhenToSendAgain(const v1::RateLimit& limit, int waits,
                                           absl::Time accepted_at, absl::Time now,
                                           const LimitWaits& lengths);

// "waiting for the limit of claude's account; sent again at …".
v1::TellProgress LimitProgress(absl::Time until);

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LIMIT_WAIT_H_
