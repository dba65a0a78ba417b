#ifndef IRIS_TESTS_SIMULATION_RUNNER_H_
#define IRIS_TESTS_SIMULATION_RUNNER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/simulation/desk.h"
#include "tests/simulation/schedule.h"

namespace iris::simulation {

// Runs schedules one after the other, each in a scratch directory in memory.
class Runner {
 public:
  Runner();
  ~Runner();

  Report Run(const Plan& plan);

 private:
  std::string dir_;
  std::unique_ptr<Desk> desk_;
  uint64_t runs_ = 0;
};

// What many schedules came to.
struct Summary {
  uint64_t schedules = 0;
  uint64_t ok = 0;      // Tells that were answered.
  uint64_t failed = 0;  // Those that failed as they may.
  absl::Duration took;
  std::vector<uint64_t> bad_seeds;
  std::string first_violation;

  double per_second() const { return static_cast<double>(schedules) / absl::ToDoubleSeconds(took); }
};

// The schedules of the seeds `first` … `first` + `count` - 1, otherwise as `like` says, on as many
// processes as there are cores. Each stops behind `bad_max` bad ones.
Summary RunSeeds(uint64_t first, uint64_t count, const Plan& like, size_t bad_max);

// One exchange, once for every byte of either direction, cut behind it. On all cores too. A bad
// seed is the number of the cut: bytes to the coordinator first, then to the agent.
Summary CutEverywhere(uint64_t seed);

// One exchange, once for every write of the coordinator to its disk, which fails: as on a full
// disk, with an I/O error, and each with the coordinator killed a moment later. A bad seed is the
// number of the write times four, and which of these.
Summary FailEveryWrite(uint64_t seed);

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_RUNNER_H_
