#ifndef IRIS_COORDINATOR_LINK_RETRY_H_
#define IRIS_COORDINATOR_LINK_RETRY_H_

#include <cstdint>
#include <random>

#include "absl/time/time.h"
#include "common/failure/failure.h"

namespace iris {

// Whether trying again by itself may mend a link that failed like this. Where it cannot, somebody
// has to do something first, and until then each attempt would only cost (a login that counts
// against the account, an upload to a full disk).
bool RetryMends(FailureKind kind);

// The reason for RetryMends(kind), for whoever reads or changes the rule.
absl::string_view WhyRetryMendsOrNot(FailureKind kind);

// How long to wait before the next attempt: anything between nothing and a limit that doubles from
// `first` to `longest` ("full jitter": what failed together does not come back together). Without
// end. Not thread-safe.
class Backoff {
 public:
  struct Limits {
    absl::Duration first = absl::Milliseconds(500);
    absl::Duration longest = absl::Seconds(30);
  };

  Backoff(uint64_t seed, const Limits& limits)
      : random_(seed), limits_(limits), limit_(limits.first) {}

  absl::Duration Next();
  void Reset() { limit_ = limits_.first; }

 private:
  std::mt19937_64 random_;
  Limits limits_;
  absl::Duration limit_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_RETRY_H_
