#include "agent/session/lease.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/session/since.h"
#include "common/base/ids.h"
#include "common/base/utf8.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "common/log/check.h"

namespace iris {
namespace {

constexpr size_t kLabelBytesMax = 256;

// Random: where the host has lost its files, and is asked for the session anew, no epoch of before
// may count.
uint64_t FirstEpoch() { return std::stoull(RandomHex(6), nullptr, 16) + 1; }

}  // namespace

absl::StatusOr<Lease::Grant> Lease::Acquire(const v1::AcquireRequest& request) {
  saved::State next = state();
  const bool ours = next.epoch() == 0 || next.holder() == request.coordinator_id();
  const bool epoch_fits = !request.has_if_epoch() || request.if_epoch() == next.epoch();
  if (!request.takeover() && (!ours || !epoch_fits)) {
    return MakeFailure(v1::FAILURE_PERMISSION_DENIED,
                       absl::StrCat("session ", session_id_, " on ", hostname_,
                                    " is held by another coordinator, ", next.label(),
                                    Since(absl::FromUnixMillis(next.holder_since_ms()))),
                       kFixTakeover);
  }
  Grant grant{.epoch = next.epoch() == 0 ? FirstEpoch() : next.epoch() + 1};
  if (next.holder() != request.coordinator_id()) {
    grant.fenced = next.epoch();
    next.set_holder_since_ms(absl::ToUnixMillis(absl::Now()));
  }
  next.set_holder(request.coordinator_id());
  next.set_label(CutUtf8(request.label(), kLabelBytesMax));
  next.set_epoch(grant.epoch);
  if (absl::Status saved = files_.SaveState(next); !saved.ok()) return saved;
  Check(state().epoch() == grant.epoch && state().holder() == request.coordinator_id(),
        "a lease that was granted is not the one in force");
  return grant;
}

absl::Status Lease::CheckEpoch(uint64_t epoch) const {
  if (epoch == state().epoch() && epoch != 0) return absl::OkStatus();
  return MakeFailure(
      v1::FAILURE_PERMISSION_DENIED,
      absl::StrCat("session ", session_id_, " on ", hostname_, " is held by ", state().label(),
                   Since(absl::FromUnixMillis(state().holder_since_ms())), ": epoch ", epoch,
                   " is over, ", state().epoch(), " counts"),
      kFixTakeover);
}

void Lease::Describe(v1::SessionInfo& info) const {
  info.set_epoch(state().epoch());
  info.set_coordinator_id(state().holder());
  info.set_label(state().label());
  info.set_holder_since_ms(state().holder_since_ms());
}

}  // namespace iris
