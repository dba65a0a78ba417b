#ifndef IRIS_COORDINATOR_ORCHESTRATOR_LIMIT_WAIT_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_LIMIT_WAIT_H_

#include <string>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "proto/iris/v1/coordinator.pb.h"
#include "proto/iris/v1/failure.pb.h"

namespace iris {

// How long and how often a message waits for the limit of an account.
struct LimitWaits {
  absl::Duration after_reset = absl::Seconds(5);  // Clocks differ.
  // Where the time is unknown: so long, then twice as long each time, up to `longest`.
  absl::Duration first = absl::Minutes(5);
  absl::Duration longest = absl::Hours(1);
  absl::Duration in_all = absl::Hours(8 * 24);  // From accepted; limits last a week at most.
  int most = 200;                               // Waits of one message.
};

// When to send the message again that was refused at `now`, after `waits` earlier waits. Nothing:
// not at all, since something of it may have run, or it would wait too long or too often.
absl::optional<absl::Time> WhenToSendAgain(const v1::RateLimit& limit, int waits,
                                           absl::Time accepted_at, absl::Time now,
                                           const LimitWaits& bounds);

// The id by which a host knows a message after so many waits; without any its own. Another one each
// time, since claude ignores an id that it has seen; and always the same after the same number, so
// that a store that was put back from a copy does not have a message run twice. A UUID.
std::string IdOnHost(const std::string& tell_id, int waits);

// "waiting for the limit of claude's account; sent again at …".
v1::TellProgress LimitProgress(absl::Time until);

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LIMIT_WAIT_H_
