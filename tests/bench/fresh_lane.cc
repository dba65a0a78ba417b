#include <utility>

#include "tests/bench/lane.h"
#include "tests/bench/stopwatch.h"

namespace iris::bench {
namespace {

class FreshLane final : public Lane {
 public:
  explicit FreshLane(OpenLane open) : open_(std::move(open)) {}

  absl::StatusOr<absl::Duration> RoundTrip(const Question& question) override {
    const Stopwatch watch;
    absl::StatusOr<std::unique_ptr<Lane>> lane = open_();
    if (!lane.ok()) return lane.status();
    if (const auto took = (*lane)->RoundTrip(question); !took.ok()) return took;
    return watch.elapsed();
  }

 private:
  const OpenLane open_;
};

}  // namespace

std::unique_ptr<Lane> MakeFreshLane(OpenLane open) {
  return std::make_unique<FreshLane>(std::move(open));
}

}  // namespace iris::bench
