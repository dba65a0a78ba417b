#ifndef IRIS_COORDINATOR_KEPT_ANSWERS_KEPT_H_
#define IRIS_COORDINATOR_KEPT_ANSWERS_KEPT_H_

#include "absl/time/time.h"

namespace iris {

// How long an answer is kept that nobody fetches; and as long a message waits for its host, and it
// counts that a host has answered.
inline constexpr int kAnswersKeptDays = 7;
inline constexpr absl::Duration kAnswersKept = absl::Hours(24 * kAnswersKeptDays);

}  // namespace iris

#endif  // IRIS_COORDINATOR_KEPT_ANSWERS_KEPT_H_
