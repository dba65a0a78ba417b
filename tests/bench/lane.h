#ifndef IRIS_TESTS_BENCH_LANE_H_
#define IRIS_TESTS_BENCH_LANE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace iris::bench {

// One way to a claude. Not thread-safe.
class Lane {
 public:
  virtual ~Lane() = default;

  // Sends `text` and waits until the turn is over; 30 s at most. The answer must be "ECHO: text".
  virtual absl::Status RoundTrip(const std::string& text) = 0;
};

// Through Iris: tells to `team`, by the coordinator that runs in this environment (IRIS_HOME), on
// one connection.
absl::StatusOr<std::unique_ptr<Lane>> OpenTellLane(const std::string& team);

// Without Iris, the floor: `command` is a claude in stream-json mode, or brings one here (ssh).
// Its answer to `initialize` has come when this returns.
absl::StatusOr<std::unique_ptr<Lane>> OpenClaudeLane(const std::vector<std::string>& command);

}  // namespace iris::bench

#endif  // IRIS_TESTS_BENCH_LANE_H_
