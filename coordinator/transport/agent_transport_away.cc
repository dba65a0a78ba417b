// A host that is out of reach: what waits for it, what ends, and when it is tried again.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "coordinator/link/login_bar.h"
#include "coordinator/transport/agent_transport.h"
#include "coordinator/transport/host_away.h"

namespace iris {
namespace {

// A link that waits for something to be mended: every refused login counts against the account. All
// sessions of a link count from its last attempt, so that theirs are one.
constexpr absl::Duration kBlockedFirst = absl::Minutes(1);
constexpr absl::Duration kBlockedLongest = absl::Minutes(5);

std::string BlockedText(const absl::Status& why) {
  const Failure failure = ToProto(why);
  const absl::string_view fix =
      failure.fix().empty() ? FixFor(KindOf(failure)) : absl::string_view(failure.fix());
  return absl::StrCat(
      "the team has the message and may be working on it, but the way to it is "
      "blocked: ",
      failure.detail(), ". ", fix,
      " The answer is fetched then: it is tried again now and then, and when "
      "somebody sends something to the team");
}

}  // namespace

void AgentTransport::OnLinkDown(const absl::Status& why, bool retries) {
  if (state() == State::kDown) return;
  const bool had_contact = state() != State::kLinking;
  // Whatever ended the link, for who had contact it is one thing: dropped.
  const absl::Status what =
      had_contact && retries ? MakeFailure(v1::FAILURE_DROPPED, ToProto(why).detail()) : why;
  if (!ending_.empty() && !GiveUpEnding(what)) return;
  if (machine_.Possible(Event::kLinkLost)) Handle(Event::kLinkLost);
  was_lost_ = true;
  if (!SettleCancelled()) return;
  const HostAway away = {.why = what,
                         .environment = team_.asker.environment,
                         .is_remote = team_.remote.has_value(),
                         .retries = retries,
                         .host_is_known = link_.was_up() || sink_.HostHasAnswered(),
                         .asker_is_newer = std::exchange(asker_is_newer_, false),
                         .login_in = NextLoginIn(why)};
  is_trying_ = retries;
  if (!SettleWhatDoesNotWait(away)) return;
  const bool has_cancels = retries && !cancels_.empty();
  if (tells_.empty() && !has_cancels && !awaits_host_) return Fail(what);
  if (retries) {
    loop_.Cancel(std::exchange(blocked_timer_, 0));
  } else if (away.login_in.has_value()) {  // Whoever asked has not had a login yet.
    TryBlockedLinkIn(*away.login_in);
  } else if (IsAnyGiven()) {  // Worth another login that is refused, most likely.
    TryBlockedLinkLater();
  }
  SayAway(away);
}

// What the host has goes on there, whatever has to be mended here.
bool AgentTransport::SettleWhatDoesNotWait(const HostAway& away) {
  std::vector<std::pair<std::string, absl::Status>> ends;
  for (const PendingTell& tell : tells_) {
    if (tell.given) continue;
    absl::Status end = sink_.EndWhileAway(tell.id, away);
    if (!end.ok()) ends.emplace_back(tell.id, std::move(end));
  }
  const std::shared_ptr<bool> alive = alive_;
  for (const auto& [tell_id, end] : ends) {
    if (Find(tell_id) != nullptr) SettleOne(tell_id, end);
    if (!*alive) return false;
  }
  return true;
}

bool AgentTransport::IsAnyGiven() const {
  return std::any_of(tells_.begin(), tells_.end(),
                     [](const PendingTell& tell) { return tell.given; });
}

void AgentTransport::SayAway(const HostAway& away) {
  const bool any_given = IsAnyGiven();
  const std::shared_ptr<bool> alive = alive_;
  sink_.OnProgress({.stage = TransportProgress::Stage::kConnecting,
                    .text = any_given && !away.retries ? BlockedText(away.why) : WhyItWaits(away)});
  // Behind what a host has nobody else waits for one that has not answered for long.
  const bool others_end = away.retries && !away.host_is_known && !tells_.empty();
  if (*alive && (awaits_host_ || (!tells_.empty() && !any_given) || others_end)) {
    sink_.OnHostAway(away);
  }
  // Who wakes the session, or takes it over, does not wait with what a host has, or is to hear, nor
  // with what waits for one, nor for one that nobody has seen.
  if (*alive && (spawning_ || !away.retries || !away.host_is_known || !any_given)) {
    DropChild(away.why);
  }
  if (*alive && !away.retries && away.asker_is_newer) Later([this] { TryNow(); });
}

bool AgentTransport::Withdraw(const std::string& tell_id) {
  const auto found =
      std::find_if(tells_.begin(), tells_.end(),
                   [&tell_id](const PendingTell& tell) { return tell.id == tell_id; });
  if (found == tells_.end() || found->given || !is_out_of_reach()) return false;
  tells_.erase(found);
  awaits_host_ = true;
  return true;
}

void AgentTransport::AwaitHost() {
  awaits_host_ = true;
  if (state() != State::kDown) return;
  Later([this] {
    if (awaits_host_ && state() == State::kDown) Handle(Event::kSought);
  });
}

void AgentTransport::StopAwaiting() {
  awaits_host_ = false;
  if (state() == State::kLinking && IsIdle()) Handle(Event::kDone);
}

// What others ask of the link meanwhile does not put it off.
void AgentTransport::TryBlockedLinkLater() {
  if (blocked_timer_ != 0) return;
  blocked_wait_ = std::clamp(2 * blocked_wait_, kBlockedFirst, kBlockedLongest);
  TryBlockedLinkIn(blocked_wait_);
}

void AgentTransport::TryBlockedLinkIn(absl::Duration wait) {
  loop_.Cancel(std::exchange(blocked_timer_, 0));
  blocked_timer_ = loop_.After(wait, [this] {
    blocked_timer_ = 0;
    Handle(Event::kSought);
  });
}

void AgentTransport::TryLater() {
  if (state() == State::kLinking && !is_trying_) TryBlockedLinkLater();
}

// Somebody may have mended it; where that was said too soon after a refused login, it is tried
// again before long.
void AgentTransport::TryNow() {
  if (state() != State::kLinking) return;
  blocked_wait_ = absl::ZeroDuration();
  Handle(Event::kSought);
}

void AgentTransport::DropChild(const absl::Status& why) {
  child_pid_ = 0;
  requests_.clear();
  take_lease_ = take_claim_ = false;
  const bool was_ready = std::exchange(told_ready_, false);
  if (std::exchange(spawning_, false) || was_ready) sink_.OnDown(why);
}

}  // namespace iris
