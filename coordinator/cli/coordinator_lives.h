#ifndef IRIS_COORDINATOR_CLI_COORDINATOR_LIVES_H_
#define IRIS_COORDINATOR_CLI_COORDINATOR_LIVES_H_

#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "coordinator/app/places.h"
#include "coordinator/cli/front_end.h"

namespace iris {

// What came of a question to one coordinator.
enum class LifeEnd {
  kOver,   // It needs not be asked again.
  kLost,   // The coordinator went away, or is about to: the next one is asked at once.
  kLater,  // It cannot be answered now: it is asked again, of whichever runs, after a pause.
};

// Whether a call ended so because the coordinator went away, or is about to: another one may
// answer.
bool CoordinatorLost(const absl::Status& call);

// Asks one coordinator after the other: each that runs, or is started, in the place of the one
// before. Blocks.
class CoordinatorLives {
 public:
  // It may be the question itself that ends them.
  static constexpr int kLostMax = 20;
  static constexpr absl::Duration kPause = absl::Seconds(1);

  explicit CoordinatorLives(const Places& places);
  // By other means; `pause`: for tests.
  using Pause = std::function<void(absl::Duration)>;
  explicit CoordinatorLives(std::function<absl::StatusOr<Coordinator>()> connect,
                            int lost_max = kLostMax, Pause pause = absl::SleepFor);

  // Returns the last that was to be asked, which `ask` got as well: after kOver, or as many kLost
  // as may be. Where none could be had `ask` gets why, and says how to go on all the same.
  using Ask = absl::FunctionRef<LifeEnd(const absl::StatusOr<Coordinator>& coordinator)>;
  absl::StatusOr<Coordinator> Run(Ask ask) const;

 private:
  const std::function<absl::StatusOr<Coordinator>()> connect_;
  const int lost_max_;
  const Pause pause_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_COORDINATOR_LIVES_H_
