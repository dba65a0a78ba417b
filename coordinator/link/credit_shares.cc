#include "coordinator/link/credit_shares.h"

#include <algorithm>
#include <cmath>

namespace iris {
namespace {

// A stream of which less came lately than this part of an equal share takes nothing from others.
constexpr double kSaysMuch = 0.25;

double Recent(double bytes, absl::Duration since) {
  return bytes * std::exp2(-absl::ToDoubleSeconds(since));
}

}  // namespace

uint64_t CreditShares::PartOf(const Share& share, absl::Duration now) const {
  double all = 0;
  for (const Share* one : shares_) all += Recent(one->recent_, now - one->at_);
  const double much = kSaysMuch * all / static_cast<double>(std::max<size_t>(shares_.size(), 1));
  uint64_t parts = 1;
  for (const Share* one : shares_) {
    const double recent = Recent(one->recent_, now - one->at_);
    if (one != &share && recent >= 1 && recent >= much) ++parts;
  }
  return std::max(window_.bytes() / parts, least_);
}

uint64_t CreditShares::Open(Share& share, absl::Duration now) {
  share = Share();
  share.at_ = now;
  shares_.insert(&share);
  const uint64_t credit = PartOf(share, now);
  share.allowed_ = static_cast<int64_t>(credit);
  return credit;
}

uint64_t CreditShares::OnArrived(Share& share, uint64_t bytes, absl::Duration now) {
  window_.OnArrived(bytes, now);
  share.recent_ = Recent(share.recent_, now - share.at_) + static_cast<double>(bytes);
  share.at_ = now;
  share.allowed_ -= static_cast<int64_t>(bytes);
  const int64_t part = static_cast<int64_t>(PartOf(share, now));
  const int64_t credit = part - share.allowed_;
  // Not for every few bytes; early enough that the peer need not stop.
  if (credit <= 0 || credit < part / 4) return 0;
  share.allowed_ = part;
  return static_cast<uint64_t>(credit);
}

}  // namespace iris
