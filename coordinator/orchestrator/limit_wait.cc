#include "coordinator/orchestrator/limit_wait.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace iris {

absl::optional<absl::Time> WhenToSendAgain(const v1::RateLimit& limit, int waits,
                                           absl::Time accepted_at, absl::Time now,
                                           const LimitWaits& lengths) {
  if (!limit.nothing_ran()) return absl::nullopt;
  absl::Time when = absl::FromUnixMillis(limit.resets_at_ms()) + lengths.after_reset;
  // Unknown; or it says that it has reset, and it has not.
  if (limit.resets_at_ms() == 0 || when <= now) {
    absl::Duration wait = lengths.first;
    for (int i = 0; i < waits && wait < lengths.longest; ++i) wait *= 2;
    when = now + std::min(wait, lengths.longest);
  }
  if (when > accepted_at + lengths.in_all) return absl::nullopt;
  return when;
}

v1::TellProgress LimitProgress(absl::Time until) {
  v1::TellProgress progress;
  progress.set_stage(v1::TellProgress::QUEUED);
  progress.set_text(
      absl::StrCat("waiting for the limit of claude's account there; sent again at ",
                   absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", until, absl::UTCTimeZone())));
  return progress;
}

}  // namespace iris
