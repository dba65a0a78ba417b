#include "coordinator/link/rate_window.h"

#include <algorithm>

namespace iris {
namespace {

constexpr absl::Duration kShortest = absl::Microseconds(1);  // That is divided by.

}  // namespace

void RateWindow::OnArrived(uint64_t bytes, absl::Duration now) {
  arrived_ += bytes;
  const absl::Duration took = std::max(now - began_, kShortest);
  if (arrived_ < bytes_ && took < limits_.worth) return;
  const double delivered = static_cast<double>(arrived_) * absl::FDivDuration(limits_.worth, took);
  const double doubled = 2.0 * static_cast<double>(bytes_);
  bytes_ =
      std::clamp(static_cast<uint64_t>(std::min(delivered, doubled)), limits_.least, limits_.most);
  Begin(now);
}

void RateWindow::Begin(absl::Duration now) {
  began_ = now;
  arrived_ = 0;
}

}  // namespace iris
