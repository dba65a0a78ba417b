#include "agent/session/turn_failure.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/utf8.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kDetailBytesMax = 2000;

}  // namespace

absl::Status TurnInterrupted(absl::string_view who) {
  return MakeFailure(v1::FAILURE_CANCELLED, absl::StrCat(who, " was interrupted on request"));
}

absl::Status EndedOnRequest(absl::string_view who) {
  return MakeFailure(v1::FAILURE_CANCELLED, absl::StrCat(who, " was ended on request"));
}

absl::Status PermissionLost(absl::string_view who, bool closed) {
  if (closed) {
    return MakeFailure(v1::FAILURE_CANCELLED,
                       absl::StrCat(who, " was ended on request while it waited for a permission"));
  }
  return MakeFailure(v1::FAILURE_PERMISSION_DENIED,
                     absl::StrCat(who,
                                  " was cut off while it waited for a permission, and took "
                                  "that for a no"),
                     kFixAnswerRequest);
}

absl::Status TranscriptElsewhere(absl::string_view who) {
  return MakeFailure(v1::FAILURE_AMBIGUOUS,
                     absl::StrCat(who,
                                  " lost its agent when it may have had this message, and its "
                                  "transcript is not where Iris looks for it"));
}

absl::Status LimitReached(absl::string_view who, const LimitWatch& watch) {
  const v1::RateLimit limit = watch.limit();
  std::string detail = absl::StrCat(who, " has reached its limit");
  if (!watch.said().empty()) absl::StrAppend(&detail, ": ", watch.said());
  if (limit.resets_at_ms() > 0) {
    absl::StrAppend(
        &detail, "; it resets at ",
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(limit.resets_at_ms()),
                         absl::UTCTimeZone()));
  }
  return MakeRateLimited(detail, limit);
}

absl::Status NothingSays(absl::string_view what, absl::string_view detail) {
  return MakeFailure(v1::FAILURE_AMBIGUOUS, absl::StrCat(what, detail.empty() ? "" : ": ",
                                                         CutUtf8(detail, kDetailBytesMax)));
}

}  // namespace iris
