#include "coordinator/cli/coordinator_lives.h"

#include <utility>

#include "absl/time/clock.h"

namespace iris {
namespace {

constexpr absl::Duration kConnect = absl::Seconds(10);

}  // namespace

CoordinatorLives::CoordinatorLives(const Places& places)
    : CoordinatorLives([&places] { return ConnectOrStart(places, absl::Now() + kConnect); },
                       [](absl::Duration time) { absl::SleepFor(time); }) {}

CoordinatorLives::CoordinatorLives(std::function<absl::StatusOr<Coordinator>()> connect,
                                   std::function<void(absl::Duration)> pause)
    : connect_(std::move(connect)), pause_(std::move(pause)) {}

absl::StatusOr<Coordinator> CoordinatorLives::Run(Ask ask) const {
  int lost = 0;
  while (true) {
    absl::StatusOr<Coordinator> coordinator = connect_();
    const LifeEnd end = ask(coordinator);
    if (end == LifeEnd::kOver) return coordinator;
    if (end == LifeEnd::kLost && ++lost >= kLostMax) return coordinator;
    if (end == LifeEnd::kLater) pause_(kPause);
  }
}

}  // namespace iris
