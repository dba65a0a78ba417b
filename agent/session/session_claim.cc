// The claim on a session (claim.h): its child never runs beside another host's.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/claude/launch.h"
#include "agent/session/claim.h"
#include "agent/session/session.h"
#include "common/failure/failure.h"
#include "common/log/log.h"

namespace iris {
namespace {

constexpr size_t kPathBytesMax = 2048;  // It has to fit into the state.

}  // namespace

absl::Status Session::ClaimForStart() {
  std::string path = ClaimPath(ConfigDirOf(spec_, identity_), id_);
  if (path.size() > kPathBytesMax) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat(Who(), ": the path of claude's config is longer than ",
                                    kPathBytesMax, " bytes"));
  }
  std::optional<Claim> other;
  const bool takeover = std::exchange(take_over_claim_, false);
  const absl::Status claimed = TakeClaim(path, OurClaim(identity_, OurProcess()), takeover, &other);
  NoteClaimed(claimed, other);
  if (!claimed.ok()) return claimed;
  if (other.has_value()) LogWarn("session ", id_, " was taken over from ", other->hostname);
  claim_path_ = std::move(path);
  return absl::OkStatus();
}

absl::Status Session::HoldClaim() {
  const saved::Child& child = files_->state().child();
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
    LogWarn(Who(), ": ", held.message());
    return absl::OkStatus();
  }
  NoteClaimed(held, other);
  return held;
}

void Session::NoteClaimed(const absl::Status& outcome, const std::optional<Claim>& other) {
  claimed_by_.reset();
  if (KindOf(outcome) == v1::FAILURE_WRONG_HOST) claimed_by_ = other.value_or(Claim());
}

void Session::LoseClaim(const absl::Status& why) {
  LogWarn("session ", id_, " is given up: ", why.message());
  SettleWaiting(why);
  BeginClosing(absl::ZeroDuration(), v1::Exited::TAKEN_OVER);
}

bool Session::ClaimForSurvivor(ProcessId keeper) {
  // One that an agent without claims started has none yet.
  if (keeper.pid == 0 || files_->launch() == nullptr) return false;
  std::string path = claim_path();
  const absl::Status claimed = TakeClaim(path, OurClaim(identity_, keeper), /*takeover=*/false);
  if (!claimed.ok()) LogWarn("session ", id_, " runs unclaimed: ", claimed.message());
  claim_path_ = std::move(path);
  return claimed.ok();
}

void Session::ReleaseClaim() {
  // Of an agent that was killed between the claim and its note, only the launch spec is known.
  const std::string path = claim_path();
  claim_path_.clear();
  if (!path.empty()) DropClaim(path, OurClaim(identity_, {}));
}

std::string Session::claim_path() const {
  if (!claim_path_.empty()) return claim_path_;
  if (!files_->state().child().claim().empty()) return files_->state().child().claim();
  return files_->launch() != nullptr ? ClaimPath(ConfigDirOf(spec_, identity_), id_) : "";
}

void Session::DescribeClaim(v1::SessionInfo& info) const {
  if (state() != v1::SESSION_UNVERIFIABLE) return;
  info.mutable_claim()->set_host_id(claimed_by_->host_id);
  info.mutable_claim()->set_hostname(claimed_by_->hostname);
  info.mutable_claim()->set_since_ms(absl::ToUnixMillis(claimed_by_->since));
}

}  // namespace iris
