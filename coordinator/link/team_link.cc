#include "coordinator/link/team_link.h"

#include <algorithm>
#include <utility>

#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"

namespace iris {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(1);  // Until people are told what takes so long.

}  // namespace

TeamLink::TeamLink(EventLoop& loop, std::string team, std::string written, Ways ways,
                   const Backoff::Limits& waits)
    : loop_(loop),
      team_(std::move(team)),
      written_(std::move(written)),
      ways_(std::move(ways)),
      backoff_(std::random_device()(), waits) {}

TeamLink::TeamLink(EventLoop& loop, std::string team, SharedLink& local)
    : TeamLink(loop, std::move(team), local.name, Ways()) {
  Bind(local);
}

TeamLink::~TeamLink() {
  alive_.Clear();
  CancelTimer(&retry_timer_);
  CancelTimer(&patience_timer_);
  if (shared_ != nullptr) Detach();
}

// ------------------------------------------------------------------------------------ who wants it

void TeamLink::Want(LinkObserver* observer) {
  if (retired_) return;
  observers_.Want(observer);
  AskAnew();
  if (shared_ == nullptr) return Resolve();
  shared_->link->Want(this);
  UpdateUrgency();
}

void TeamLink::Unwant(LinkObserver* observer) {
  if (!observers_.Unwant(observer)) return;
  UpdateUrgency();
  if (observers_.wanted()) return;
  CancelTimer(&retry_timer_);
  if (shared_ != nullptr) shared_->link->Unwant(this);
}

void TeamLink::RemoveObserver(LinkObserver* observer) {
  observers_.Remove(observer);
  Unwant(observer);
  if (!observers_.any() && ways_.left) ways_.left();
}

void TeamLink::Retire() {
  retired_ = true;
  observers_.UnwantAll();
  CancelTimer(&retry_timer_);
  if (shared_ != nullptr) shared_->link->Unwant(this);
}

void TeamLink::SetUrgent(LinkObserver* observer, bool urgent) {
  observers_.SetUrgent(observer, urgent);
  UpdateUrgency();
}

void TeamLink::UpdateUrgency() {
  LeaveSoonIfDropped();
  if (shared_ == nullptr || !observers_.wanted()) return;
  shared_->link->SetUrgent(this, observers_.urgent());
}

void TeamLink::SetConfigured(bool configured) {
  configured_ = configured;
  LeaveSoonIfDropped();
}

// Later: it may be an observer, about to want more, who says that it waits for nothing.
void TeamLink::LeaveSoonIfDropped() {
  if (configured_ || std::exchange(leaving_, true)) return;
  loop_.Post([this, alive = alive_.Watch()] {
    if (alive) LeaveIfDropped();
  });
}

void TeamLink::LeaveIfDropped() {
  leaving_ = false;
  // The agent of this machine is no host of a team's.
  if (configured_ || shared_ == nullptr || shared_->is_local() || observers_.urgent()) return;
  LogInfo("team ", team_, " is not configured any more: it leaves ", shared_->name);
  const bool wanted = observers_.wanted();
  observers_.UnwantAll();
  Unbind();
  if (!wanted) return;
  const absl::Status why =
      MakeFailure(v1::FAILURE_DROPPED, "the team is not in the configuration any more");
  observers_.ForEach([&](LinkObserver& observer) { observer.OnLinkDown(why, false); });
}

void TeamLink::OnTraffic() {
  if (shared_ != nullptr) shared_->link->OnTraffic();
}

std::shared_ptr<LinkLife> TeamLink::life() const {
  return shared_ != nullptr && !lent_anew_ ? shared_->link->life() : nullptr;
}

bool TeamLink::no_agent_possible() const {
  return shared_ != nullptr && !lent_anew_ && shared_->link->no_agent_possible();
}

bool TeamLink::was_up() const { return bound_to() != nullptr && bound_to()->link->was_up(); }

// ----------------------------------------------------------------------------- what it is bound to

void TeamLink::Resolve() {
  if (std::exchange(resolving_, true)) return;
  lent_anew_ = false;
  CancelTimer(&retry_timer_);
  patience_timer_ = loop_.After(kPatience, [this] {
    patience_timer_ = 0;
    OnLinkProgress({.stage = ConnectProgress::Stage::kConnecting, .text = ways_.resolving});
  });
  ways_.resolve(env_,
                [this, alive = alive_.Watch()](const absl::StatusOr<ResolvedTarget>& resolved) {
                  if (alive) OnResolved(resolved);
                });
}

void TeamLink::ResolveIn(absl::Duration wait) {
  retry_at_ = loop_.now() + wait;
  retry_timer_ = loop_.After(wait, [this] {
    retry_timer_ = 0;
    Resolve();
  });
}

void TeamLink::Lend(const SharedEnvironment& env) {
  if (IsSame(env_, env)) return;
  env_ = env;
  // The agent of this machine is reached with nobody's.
  lent_anew_ = shared_ == nullptr ? resolving_ : shared_->lent != nullptr;
  if (observers_.wanted()) AskAnew();
}

// Also what is up: it may lead elsewhere than the environment does. Others that have the link hear
// nothing of it.
void TeamLink::AskAnew() {
  if (!lent_anew_ || shared_ == nullptr) return;
  Detach();
  Resolve();
}

void TeamLink::OnResolved(const absl::StatusOr<ResolvedTarget>& resolved) {
  resolving_ = false;
  CancelTimer(&patience_timer_);
  if (lent_anew_) return Resolve();  // The answer is for another.
  if (std::exchange(kept_, nullptr) != nullptr) ways_.left();
  if (!resolved.ok()) return OnNotResolved(resolved.status());
  failure_ = absl::OkStatus();
  backoff_.Reset();
  if (!observers_.wanted()) return;  // What it means later is asked then.
  Bind(ways_.find(*resolved));
}

// As a failed attempt of a link: reported at once, tried again where that may mend it.
void TeamLink::OnNotResolved(const absl::Status& why) {
  failure_ = why;
  failed_at_ = loop_.now();
  LogWarn("team ", team_, ": ", Describe(ToProto(why)));
  const bool retries = observers_.wanted() && RetryMends(KindOf(why));
  if (retries) ResolveIn(backoff_.Next());
  observers_.ForEach([&](LinkObserver& observer) { observer.OnLinkDown(why, retries); });
}

// The link stays until it is known whether it is the one again.
void TeamLink::Detach() {
  kept_ = std::exchange(shared_, nullptr);
  if (kept_->lent != nullptr) kept_->lent->TakeBack(this);
  kept_->link->RemoveObserver(this);
}

void TeamLink::Unbind() {
  Detach();
  kept_ = nullptr;
  ways_.left();
}

// Observers hear of what is up already, since they asked before it was theirs.
void TeamLink::Bind(SharedLink& shared) {
  Check(shared_ == nullptr, "a team's session is bound to two links");
  shared_ = &shared;
  if (shared.lent != nullptr) shared.lent->Lend(this, env_);
  shared.link->AddObserver(this);
  if (!observers_.wanted()) return;
  shared.link->Want(this);
  UpdateUrgency();
  if (const std::shared_ptr<LinkLife> life = shared.link->life(); life != nullptr) OnLinkUp(life);
}

void TeamLink::CancelTimer(EventLoop::TimerId* timer) {
  if (*timer != 0) loop_.Cancel(*timer);
  *timer = 0;
}

void TeamLink::WokeUp() {
  if (retry_timer_ != 0) Resolve();
}

// ------------------------------------------------------------------------------ what the link says

void TeamLink::OnLinkProgress(const ConnectProgress& progress) {
  observers_.ForEach([&](LinkObserver& observer) { observer.OnLinkProgress(progress); });
}

void TeamLink::OnLinkUp(const std::shared_ptr<LinkLife>& life) {
  if (lent_anew_) return;  // Where that leads is asked when somebody wants it.
  moved_ = false;
  observers_.ForEach([&](LinkObserver& observer) { observer.OnLinkUp(life); });
}

void TeamLink::OnLinkDown(const absl::Status& why, bool retries) {
  if (shared_->moved) return OnMoved();
  observers_.ForEach([&](LinkObserver& observer) { observer.OnLinkDown(why, retries); });
}

// It was found with what one of those on the link was lent, and says nothing of the others.
void TeamLink::OnMoved() {
  LogInfo("team ", team_, ": ", written_, " may be another host than ", shared_->name, " now");
  // What it means later is asked then.
  if (!observers_.wanted()) return Unbind();
  Detach();
  // What it means may change with every question.
  if (!std::exchange(moved_, true)) return Resolve();
  ResolveIn(backoff_.Next());
}

v1::LinkStatus TeamLink::Status() const {
  if (shared_ != nullptr) return shared_->link->Status();
  v1::LinkStatus status;
  status.set_key(written_);
  status.set_state(v1::LinkStatus::DOWN);
  if (resolving_) status.set_state(v1::LinkStatus::CONNECTING);
  if (!failure_.ok()) {
    *status.mutable_failure() = ToProto(failure_);
    status.set_failure_age_ms(absl::ToInt64Milliseconds(loop_.now() - failed_at_));
    if (!resolving_ && !RetryMends(KindOf(failure_))) status.set_state(v1::LinkStatus::BLOCKED);
  }
  if (retry_timer_ != 0) {
    status.set_state(v1::LinkStatus::WAITING);
    status.set_retry_in_ms(
        absl::ToInt64Milliseconds(std::max(retry_at_ - loop_.now(), absl::ZeroDuration())));
  }
  return status;
}

}  // namespace iris
