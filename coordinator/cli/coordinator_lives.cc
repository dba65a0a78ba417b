#include "coordinator/cli/coordinator_lives.h"

#include <utility>

#include "common/failure/failure.h"

namespace iris {

bool CoordinatorLost(const absl::Status& call) {
  const FailureKind kind = KindOf(call);
  return kind == v1::FAILURE_DROPPED || kind == v1::FAILURE_CANCELLED;
}

CoordinatorLives::CoordinatorLives(const Places& places)
    : CoordinatorLives([&places] { return ConnectOrStart(places); }) {}

CoordinatorLives::CoordinatorLives(std::function<absl::StatusOr<Coordinator>()> connect,
                                   int lost_max, Pause pause)
    : connect_(std::move(connect)), lost_max_(lost_max), pause_(std::move(pause)) {}

absl::StatusOr<Coordinator> CoordinatorLives::Run(Ask ask) const {
  int lost = 0;
  while (true) {
    absl::StatusOr<Coordinator> coordinator = connect_();
    const LifeEnd end = ask(coordinator);
    if (end == LifeEnd::kOver) return coordinator;
    if (end == LifeEnd::kLost && ++lost >= lost_max_) return coordinator;
    if (end == LifeEnd::kLater) pause_(kPause);
  }
}

}  // namespace iris
