#ifndef IRIS_TESTS_SIMULATION_SCHEDULE_H_
#define IRIS_TESTS_SIMULATION_SCHEDULE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "coordinator/store/sqlite/testing/failing_disk.h"
#include "tests/simulation/desk.h"
#include "tests/simulation/wire.h"

namespace iris::simulation {

// What is wrong on purpose, so that it can be seen to be found.
enum class Plant {
  kNone,
  kForgetSettle,  // The store loses, with the coordinator, that the last tell was settled.
  kForgetRepeat,  // The coordinator does not say that a tell may have been sent before.
  kForgetBegun,   // Nor that claude had it.
  kStaysAway,     // The host is not there any more, once a wire to it was cut.
  kMishear,       // Who answers for a person says the opposite.
};

// One schedule. Everything follows from these.
struct Plan {
  // No faults but this one: the first wire's bytes to `side` end behind `bytes`.
  struct Cut {
    Wire::Side side = Wire::kAgent;
    uint64_t bytes = 0;
  };

  // A link with a rate, and one tell.
  struct Slow {
    uint64_t bytes_per_second = 0;
    std::string text;  // AnswerTo() it may be long.
    absl::Duration cut_every = absl::InfiniteDuration();
  };

  // No faults but this one: the coordinator's disk fails with one of its writes.
  struct FailedWrite {
    uint64_t write = 0;
    FailingDisk::Trouble trouble = FailingDisk::Trouble::kFull;
    bool kill = false;  // And the coordinator is killed a moment later.
  };

  uint64_t seed = 1;
  Plant plant = Plant::kNone;
  bool faults = true;           // By the seed.
  bool host_goes_back = false;  // Beside them, to a copy; the store does not.
  bool swarm = false;           // Of them some kinds alone, by the seed, and more of these.
  bool settles = false;         // All has come to rest within kSettled after the last of them.
  bool takeovers = false;       // A second coordinator takes the sessions, and may lose them again.
  bool permissions = false;     // claude asks before it uses a tool, and a person takes their time.
  size_t links = 1;             // Teams, each on a link of its own to the one host.

  absl::optional<Cut> cut;                          // Without `faults`.
  absl::optional<Slow> slow;                        // Without `faults`.
  absl::optional<FailedWrite> failed_write;         // Without `faults`.
  std::function<void(const std::string&)> on_note;  // Hears what happens; may be empty.
};

// By then nothing is left of a fault: no retry, no keep-alive and no wait of a person is longer.
inline constexpr absl::Duration kSettled = absl::Seconds(600);

struct Report {
  std::vector<std::string> violations;  // Empty: all held.
  uint64_t hash = 0;                    // Of all that happened.
  uint64_t bytes_to[2] = {};            // Over the first wire, by side.
  uint64_t writes = 0;                  // Of the coordinator to its disk.
  size_t wires = 0;                     // Connections that were made.
  absl::Duration took;                  // Until the last tell was settled.
  int ok = 0;                           // Tells that were answered.
  int failed = 0;
};

// Runs a schedule to its end: a few tells to a team, and what is thrown at them. Checks that
//
//   – every tell is settled, once, over all lives of the coordinator: answered with exactly the
//     right bytes, or failed with a kind that docs/PROTOCOL.md has for what happened, and the
//     beginning of them
//   – claude began each at most once, in the order in which they were sent; where the host was put
//     back to a copy, each that was seen to begin
//   – nothing is acknowledged that is not stored, and nothing sent beyond the credit (StreamWatch)
//   – claude hears what the person said, once; and a tell whose permission was lost is not answered
//   – with `settles`: kSettled after the last fault no tell is open, no claude works or waits, and
//     neither end has much to do
//
// `scratch`: an empty directory; left with what the schedule wrote.
Report RunSchedule(const Plan& plan, Desk& desk, const std::string& scratch);

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_SCHEDULE_H_
