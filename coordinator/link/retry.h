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
// kFirst to kLongest ("full jitter": what failed together does not come back together). Without
// end. Not thread-safe.
class Backoff {
 public:
  static constexpr absl::Duration kFirst = absl::Milliseconds(500);
  static constexpr absl::Duration kLongest = absl::Seconds(30);

  explicit Backoff(uint64_t seed) : random_(seed) {}

  absl::Duration Next();
  void Reset() { limit_ = kFirst; }

 private:
  std::mt19937_64 random_;
  absl::Duration limit_ = kFirst;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_RETRY_H_
