#ifndef IRIS_TESTS_BENCH_LANE_H_
#define IRIS_TESTS_BENCH_LANE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/question.h"

namespace iris::bench {

// One way to a claude. Not thread-safe.
class Lane {
 public:
  virtual ~Lane() = default;

  // Asks, and waits until the turn is over, 60 s at most. How long that took, by default.
  virtual absl::StatusOr<absl::Duration> RoundTrip(const Question& question) = 0;
};

struct TellLaneOptions {
  std::string team;
  std::string from = "cli";
  bool new_session = false;  // Each time another caller, whose claude is started for it.
  // In place of a round trip's time: how old claude's text is when the caller hears of it first.
  // The question is "CLOCK ms" to the lean claude.
  bool times_words = false;
};
// Through Iris: by the coordinator that runs in this environment (IRIS_HOME), on one connection.
absl::StatusOr<std::unique_ptr<Lane>> OpenTellLane(const TellLaneOptions& options);

// Through Iris: `command` is `iris mcp`, told and telling lines of JSON over pipes. Initialized
// when this returns.
absl::StatusOr<std::unique_ptr<Lane>> OpenMcpLane(const std::vector<std::string>& command,
                                                  const std::string& team);

// Without Iris, the floor: `command` is a claude in stream-json mode, or brings one here (ssh).
// Ready when this returns.
absl::StatusOr<std::unique_ptr<Lane>> OpenClaudeLane(const std::vector<std::string>& command);

// `command` from its start to its end, which must be exit code 0. What it says is dropped, and
// nobody asks it anything.
std::unique_ptr<Lane> MakeProcessLane(const std::vector<std::string>& command);

// Opens a lane for each round trip, as part of it; that it is closed is none.
using OpenLane = std::function<absl::StatusOr<std::unique_ptr<Lane>>()>;
std::unique_ptr<Lane> MakeFreshLane(OpenLane open);

}  // namespace iris::bench

#endif  // IRIS_TESTS_BENCH_LANE_H_
