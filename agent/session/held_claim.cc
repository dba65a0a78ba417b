#include "agent/session/held_claim.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/failure/agent_fix.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"

namespace iris {
namespace {

constexpr size_t kPathBytesMax = 2048;  // It has to fit into the state.

}  // namespace

void HeldClaim::Take(const std::string& path, const Claim& ours, bool takeover, Taken done) {
  struct Outcome {
    absl::Status status;
    std::optional<Claim> other;
    std::optional<ClaimFileId> before;
    bool is_on_disk = false;
  };
  const bool is_news = looked_path_ != path;
  auto outcome = std::make_shared<Outcome>();
  ++under_way_;
  OrAtOnce(context_.slow_work)
      .Run(
          "its claim file", kWithin,
          [outcome, path, ours, takeover, is_news, is_on_network = context_.is_on_network] {
            if (is_news) outcome->is_on_disk = is_on_network == nullptr || !is_on_network(path);
            outcome->before = ClaimFileIdAt(path);
            outcome->status = TakeClaim(path, ours, takeover, &outcome->other);
          },
          lifetime_.While([this, outcome, path, is_news, process = ours.process,
                           done = std::move(done)](const absl::Status& ran) mutable {
            EndWork();
            seen_.reset();
            if (ran.ok() && is_news) {
              looked_path_ = path;
              disk_path_ = outcome->is_on_disk ? path : "";
            }
            if (ran.ok() && outcome->status.ok()) seen_ = {path, process, outcome->before};
            if (ran.ok()) return done(outcome->status, outcome->other);
            done(MakeFailure(v1::FAILURE_STORAGE,
                             absl::StrCat("session ", id_, " cannot be claimed: ", ran.message()),
                             kFixClaudeDisk),
                 std::nullopt);
          }));
}

void HeldClaim::EndWork() {
  Check(under_way_ > 0, "a claim was looked at that nobody wanted to know");
  --under_way_;
}

// In any case, and behind what was asked for before.
void HeldClaim::Do(SlowWork::Work work) {
  ++under_way_;
  OrAtOnce(context_.slow_work)
      .Run("its claim file", absl::InfiniteDuration(), std::move(work),
           lifetime_.While([this](const absl::Status&) { EndWork(); }));
}

void HeldClaim::TakeForStart(Done done) {
  Check(held_path_.empty(), "a session is claimed twice");
  looked_path_.clear();  // Something else may lie there by now.
  std::string path = path_of_next_();
  if (path.size() > kPathBytesMax) {
    return done(MakeFailure(v1::FAILURE_BAD_REQUEST,
                            absl::StrCat(who_(), ": the path of claude's config is longer than ",
                                         kPathBytesMax, " bytes")));
  }
  Take(path, OurClaim(context_, OurProcess()), std::exchange(take_over_, false),
       [this, path, done = std::move(done)](const absl::Status& claimed,
                                            const std::optional<Claim>& other) mutable {
         NoteClaimed(claimed, other);
         if (!claimed.ok()) return done(claimed);
         if (other.has_value()) {
           LogWarn("session ", id_, " was taken over from ", other->hostname);
         }
         Check(held_path_.empty(), "a session is claimed twice");
         held_path_ = std::move(path);
         done(absl::OkStatus());
       });
}

// A file that was made or replaced by the look itself is another one than before it, and is looked
// at once more.
bool HeldClaim::IsAsSeen(const std::string& path, ProcessId process) const {
  if (is_busy() || !seen_.has_value() || !seen_->file.has_value()) return false;
  if (seen_->path != path || seen_->process != process) return false;
  if (disk_path_ != path) return false;  // Its server may hang.
  return ClaimFileIdAt(path) == seen_->file;
}

void HeldClaim::Hold(Done done) {
  const saved::Child& child = files_.state().child();
  if (child.claim().empty()) return done(absl::OkStatus());
  const ProcessId keeper = {.pid = static_cast<pid_t>(child.keeper()),
                            .start_time = child.keeper_start_time()};
  if (IsAsSeen(child.claim(), keeper)) return done(absl::OkStatus());
  Take(child.claim(), OurClaim(context_, keeper), /*takeover=*/false,
       [this, done = std::move(done)](const absl::Status& held,
                                      const std::optional<Claim>& other) mutable {
         if (held.ok()) return done(held);
         if (KindOf(held) != v1::FAILURE_WRONG_HOST || !other.has_value()) {
           // A disk that fails now, or somebody who is about to claim, says nothing about who has
           // it.
           LogWarn(who_(), ": ", held.message());
           return done(absl::OkStatus());
         }
         NoteClaimed(held, other);
         done(held);
       });
}

void HeldClaim::NoteClaimed(const absl::Status& outcome, const std::optional<Claim>& other) {
  claimed_by_.reset();
  if (KindOf(outcome) == v1::FAILURE_WRONG_HOST) claimed_by_ = other.value_or(Claim());
}

void HeldClaim::TakeForSurvivor(ProcessId keeper, absl::AnyInvocable<void(bool)> done) {
  // One that an agent without claims started has none yet.
  Check(held_path_.empty(), "a session is claimed for a survivor beside a child");
  if (keeper.pid == 0 || files_.launch() == nullptr) return done(false);
  held_path_ = path();
  Take(held_path_, OurClaim(context_, keeper), /*takeover=*/false,
       [this, done = std::move(done)](const absl::Status& claimed,
                                      const std::optional<Claim>&) mutable {
         if (!claimed.ok()) LogWarn("session ", id_, " runs unclaimed: ", claimed.message());
         done(claimed.ok());
       });
}

void HeldClaim::Release() {
  // Of an agent that was killed between the claim and its note, only the launch spec is known.
  const std::string path = this->path();
  held_path_.clear();
  if (path.empty()) return;
  Do([path, ours = OurClaim(context_, {})] { DropClaim(path, ours); });
}

void HeldClaim::ReleaseOf(const std::string& path, const Claim& gone) {
  Do([path, gone] { DropClaimOf(path, gone); });
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
