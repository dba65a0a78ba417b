#ifndef IRIS_COORDINATOR_LINK_CREDIT_SHARES_H_
#define IRIS_COORDINATOR_LINK_CREDIT_SHARES_H_

#include <algorithm>
#include <cstdint>
#include <set>

#include "absl/time/time.h"
#include "coordinator/link/rate_window.h"

namespace iris {

// The credit of all streams of one link: together they may have two seconds' worth of it on its
// way, shared by those that have much to say. Lives on the coordinator's loop.
class CreditShares {
 public:
  // One stream's. Its owner says Close() before it goes.
  class Share {
   private:
    friend class CreditShares;
    int64_t allowed_ = 0;  // What the peer may still send; may dip below 0 by one event.
    double recent_ = 0;    // What came lately: halved with every second since `at_`.
    absl::Duration at_;
  };
  // What every stream may have, so that none stands still.
  static constexpr uint64_t kShareLeast = 16 << 10;

  CreditShares(const RateWindow::Limits& limits, absl::Duration now)
      : window_(limits, now), least_(std::min(kShareLeast, limits.least)) {}

  // The credit to begin with.
  uint64_t Open(Share& share, absl::Duration now);
  void Close(Share& share) { shares_.erase(&share); }
  // So much of its credit was used, and is read. Returns how much credit it gets now, often 0.
  uint64_t OnArrived(Share& share, uint64_t bytes, absl::Duration now);

 private:
  uint64_t PartOf(const Share& share, absl::Duration now) const;

  RateWindow window_;
  const uint64_t least_;
  std::set<Share*> shares_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_CREDIT_SHARES_H_
