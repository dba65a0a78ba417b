#include "coordinator/orchestrator/limit_wait.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "common/base/fnv.h"

namespace iris {

absl::optional<absl::Time> WhenToSendAgain(const v1::RateLimit& limit, int waits,
                                           absl::Time accepted_at, absl::Time now,
                                           const LimitWaits& bounds) {
  if (!limit.nothing_ran() || waits >= bounds.most) return absl::nullopt;
  absl::Time when = absl::FromUnixMillis(limit.resets_at_ms()) + bounds.after_reset;
  // Unknown; or it says that it has reset, and it has not.
  if (limit.resets_at_ms() == 0 || when <= now) {
    absl::Duration wait = bounds.first;
    for (int i = 0; i < waits && wait < bounds.longest; ++i) wait *= 2;
    when = now + std::min(wait, bounds.longest);
  }
  if (when > accepted_at + bounds.in_all) return absl::nullopt;
  return when;
}

std::string IdOnHost(const std::string& tell_id, int waits) {
  if (waits == 0) return tell_id;
  // The second half of it is made from both; the top bits say which kind of UUID it is.
  const uint64_t mixed = Fnv64(absl::StrCat(tell_id, "/", waits));
  const uint64_t half = (mixed >> 2) | (uint64_t{1} << 63);
  return absl::StrFormat("%s-%04x-%012x", absl::string_view(tell_id).substr(0, 18), half >> 48,
                         half & 0xFFFF'FFFF'FFFF);
}

v1::TellProgress LimitProgress(absl::Time until) {
  v1::TellProgress progress;
  progress.set_stage(v1::TellProgress::QUEUED);
  progress.set_text(
      absl::StrCat("waiting for the limit of claude's account; sent again at ",
                   absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", until, absl::UTCTimeZone())));
  return progress;
}

}  // namespace iris
