#include "coordinator/link/login_bar.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "common/failure/text_payload.h"
#include "coordinator/link/retry.h"

namespace iris {
namespace {

constexpr absl::string_view kOpensIn = "type.iris/LoginBar.OpensIn";

std::string WholeSeconds(absl::Duration duration) {
  return absl::FormatDuration(absl::Ceil(duration, absl::Seconds(1)));
}

}  // namespace

absl::Duration LoginBar::SinceSomeTime() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

absl::Status LoginBar::Check() const {
  absl::MutexLock lock(&mutex_);
  const absl::Duration now = now_();
  if (failure_.ok() || now >= until_) return absl::OkStatus();
  const Failure failed = ToProto(failure_);
  const FailureKind kind = KindOf(failed);
  absl::Status barred = MakeFailure(
      kind,
      absl::StrCat(failed.detail(), "; so it was ", WholeSeconds(now - failed_at_),
                   " ago, and hosts lock out who logs in too often: the next login is in ",
                   WholeSeconds(until_ - now), " at the earliest"),
      absl::StrCat(failed.fix().empty() ? FixFor(kind) : failed.fix(),
                   " A message that is sent after that time tries it again; `iris stop`, and the "
                   "next message tries at once."));
  SetTextPayload(barred, kOpensIn, absl::FormatDuration(until_ - now));
  return barred;
}

void LoginBar::Note(const absl::Status& outcome) {
  absl::MutexLock lock(&mutex_);
  if (outcome.ok()) {
    failure_ = absl::OkStatus();
    return;
  }
  if (RetryMends(KindOf(outcome))) return;  // Says nothing of what was refused before.
  wait_ = Forgotten() ? kFirst : std::min(kGrowth * wait_, kLongest);
  failure_ = outcome;
  failed_at_ = now_();
  until_ = failed_at_ + wait_;
}

bool LoginBar::open() const {
  absl::MutexLock lock(&mutex_);
  return Forgotten();
}

absl::optional<absl::Duration> NextLoginIn(const absl::Status& why) {
  const absl::optional<absl::Cord> said = why.GetPayload(kOpensIn);
  absl::Duration wait;
  if (!said.has_value() || !absl::ParseDuration(std::string(*said), &wait)) return absl::nullopt;
  return wait;
}

}  // namespace iris
