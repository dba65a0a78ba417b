#include "coordinator/link/heartbeat.h"

#include <algorithm>

namespace iris {

void Heartbeat::OnAnswer(absl::Duration now) {
  answered_at_ = now;
  stage_ = Stage::kQuiet;
}

void Heartbeat::OnTraffic(absl::Duration now) {
  traffic_at_ = now;
  if (stage_ == Stage::kSilent) stage_ = Stage::kProbed;
}

void Heartbeat::ProbeSoon(absl::Duration now) {
  stage_ = Stage::kQuiet;
  answered_at_ = now - (urgent_ ? times_.urgent : times_.relaxed);
}

absl::Duration Heartbeat::due() const {
  switch (stage_) {
    case Stage::kQuiet:
      return answered_at_ + (urgent_ ? times_.urgent : times_.relaxed);
    case Stage::kProbed:
      return std::max(probed_at_, traffic_at_) + times_.suspect_after;
    case Stage::kSilent:
      return std::max(probed_at_ + times_.suspect_after, traffic_at_) + times_.lost_after -
             times_.suspect_after;
  }
  return answered_at_;
}

Heartbeat::Act Heartbeat::Probe(absl::Duration now) {
  stage_ = Stage::kProbed;
  probed_at_ = now;
  return Act::kProbe;
}

Heartbeat::Act Heartbeat::Tick(absl::Duration now) {
  if (now < due()) return Act::kNothing;
  if (stage_ == Stage::kQuiet || now > due() + kHeldUp) return Probe(now);
  if (stage_ == Stage::kSilent) return Act::kLost;
  stage_ = Stage::kSilent;
  return Act::kSuspect;
}

}  // namespace iris
