#include "coordinator/link/heartbeat.h"

namespace iris {

void Heartbeat::OnLife(absl::Duration now) {
  last_life_ = now;
  stage_ = Stage::kQuiet;
}

void Heartbeat::ProbeSoon(absl::Duration now) {
  stage_ = Stage::kQuiet;
  last_life_ = now - (urgent_ ? times_.urgent : times_.relaxed);
}

absl::Duration Heartbeat::due() const {
  switch (stage_) {
    case Stage::kQuiet:
      return last_life_ + (urgent_ ? times_.urgent : times_.relaxed);
    case Stage::kProbed:
      return probed_at_ + times_.suspect_after;
    case Stage::kSilent:
      return probed_at_ + times_.lost_after;
  }
  return last_life_;
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
