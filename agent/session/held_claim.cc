#include "agent/session/held_claim.h"

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"

namespace iris {
namespace {

constexpr size_t kPathBytesMax = 2048;  // It has to fit into the state.

}  // namespace

absl::Status HeldClaim::TakeForStart() {
  std::string path = path_of_next_();
  if (path.size() > kPathBytesMax) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat(who_(), ": the path of claude's config is longer than ",
                                    kPathBytesMax, " bytes"));
  }
  std::optional<Claim> other;
  const bool takeover = std::exchange(take_over_, false);
  const absl::Status claimed = TakeClaim(path, OurClaim(identity_, OurProcess()), takeover, &other);
  NoteClaimed(claimed, other);
  if (!claimed.ok()) return claimed;
  if (other.has_value()) LogWarn("session ", id_, " was taken over from ", other->hostname);
  held_path_ = std::move(path);
  return absl::OkStatus();
}

absl::Status HeldClaim::Hold() {
  const saved::Child& child = files_.state().child();
  if (child.claim().empty()) return absl::OkStatus();
  std::optional<Claim> other;
  const absl::Status held =
      TakeClaim(child.claim(),
                OurClaim(identity_, {.pid = static_cast<pid_t>(child.keeper()),
                                     .start_time = child.keeper_start_time()}),
                /*takeover=*/false, &other);
  if (held.ok()) return held;
  if (KindOf(held) != v1::FAILURE_WRONG_HOST || !other.has_value()) {
    // A disk that fails now, or somebody who is about to claim, says nothing about who has it.
    LogWarn(who_(), ": ", held.message());
    return absl::OkStatus();
  }
  NoteClaimed(held, other);
  return held;
}

void HeldClaim::NoteClaimed(const absl::Status& outcome, const std::optional<Claim>& other) {
  claimed_by_.reset();
  if (KindOf(outcome) == v1::FAILURE_WRONG_HOST) claimed_by_ = other.value_or(Claim());
}

bool HeldClaim::TakeForSurvivor(ProcessId keeper) {
  // One that an agent without claims started has none yet.
  if (keeper.pid == 0 || files_.launch() == nullptr) return false;
  std::string path = this->path();
  const absl::Status claimed = TakeClaim(path, OurClaim(identity_, keeper), /*takeover=*/false);
  if (!claimed.ok()) LogWarn("session ", id_, " runs unclaimed: ", claimed.message());
  held_path_ = std::move(path);
  return claimed.ok();
}

void HeldClaim::Release() {
  // Of an agent that was killed between the claim and its note, only the launch spec is known.
  const std::string path = this->path();
  held_path_.clear();
  if (!path.empty()) DropClaim(path, OurClaim(identity_, {}));
}

std::string HeldClaim::path() const {
  if (!held_path_.empty()) return held_path_;
  if (!files_.state().child().claim().empty()) return files_.state().child().claim();
  return path_of_next_();
}

void HeldClaim::DescribeOther(v1::ClaimInfo& info) const {
  if (!claimed_by_.has_value()) return;
  info.set_host_id(claimed_by_->host_id);
  info.set_hostname(claimed_by_->hostname);
  info.set_since_ms(absl::ToUnixMillis(claimed_by_->since));
}

}  // namespace iris
