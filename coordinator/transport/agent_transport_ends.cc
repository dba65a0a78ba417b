// How contact with a session ends: the stream, the link, and the child on request.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/bootstrap/host_failure.h"
#include "coordinator/transport/agent_transport.h"
#include "coordinator/transport/name_takeover.h"

namespace iris {
namespace {

constexpr absl::Duration kCloseDeadline = absl::Seconds(15);
// The stream and the link end together; the link knows why, and says so a little later.
constexpr absl::Duration kLinkVerdict = absl::Seconds(3);
// The answer to Close and the last events travel on streams of their own.
constexpr absl::Duration kStreamVerdict = absl::Seconds(3);
// A link that waits for something to be mended: every refused login counts against the account. All
// sessions of a link count from its last attempt, so that theirs are one.
constexpr absl::Duration kBlockedFirst = absl::Minutes(1);
constexpr absl::Duration kBlockedLongest = absl::Minutes(5);

constexpr absl::string_view kLeaveIt =
    "Or leave the message for the host, until it is back, for up to 7 days: `iris tell --when-away "
    "wait`, or whenAway \"wait\" in the MCP tools.";

absl::Status EndedOnRequest(absl::string_view team) {
  return MakeFailure(v1::FAILURE_CANCELLED,
                     absl::StrCat("claude for team ", team, " was ended on request"));
}

// What a call to the agent says when its wire is gone.
bool IsLossOfTheWire(const absl::Status& why) {
  return KindOf(why) == v1::FAILURE_DROPPED || KindOf(why) == v1::FAILURE_UNREACHABLE;
}

absl::string_view FixOf(const Failure& failure) {
  return failure.fix().empty() ? FixFor(KindOf(failure)) : absl::string_view(failure.fix());
}

// Of a message that did not wait for its host: it could have.
absl::Status CouldWait(const absl::Status& why) {
  const FailureKind kind = KindOf(why);
  const bool is_away = kind == v1::FAILURE_UNREACHABLE || kind == v1::FAILURE_TIMEOUT ||
                       kind == v1::FAILURE_DROPPED;
  if (!is_away) return why;
  const Failure failure = ToProto(why);
  return MakeFailure(kind, failure.detail(), absl::StrCat(FixOf(failure), " ", kLeaveIt));
}

std::string BlockedText(const absl::Status& why) {
  const Failure failure = ToProto(why);
  return absl::StrCat(
      "the team has the message and may be working on it, but the way to it is "
      "blocked: ",
      failure.detail(), ". ", FixOf(failure),
      " The answer is fetched then: it is tried again now and then, and when "
      "somebody sends something to the team");
}

}  // namespace

void AgentTransport::LoseContact() {
  if (acquire_ != nullptr) acquire_->Cancel();
  if (open_ != nullptr) open_->Cancel();
  if (renew_ != nullptr) renew_->Cancel();
  if (attach_ != nullptr) attach_->Cancel();
  if (close_ != nullptr) close_->Cancel();
  acquire_.reset();
  open_.reset();
  renew_.reset();
  attach_.reset();
  close_.reset();
  life_.reset();
  if (away_timer_ != 0) loop_.Cancel(away_timer_);
  away_timer_ = 0;
  loop_.Cancel(std::exchange(blocked_timer_, 0));
  ready_ = false;
  only_cancels_ = launch_is_new_ = false;
  state_ = State::kLinking;
}

void AgentTransport::LetGo() {
  LoseContact();
  child_pid_ = 0;
  // Nobody waits for what the line that has begun may say: it is read again from where it began.
  point_ = ReadPoint{.mark = point_.mark};
  CountMemory();
  requests_.clear();
  spawning_ = take_lease_ = take_claim_ = false;
  state_ = State::kDown;
  was_lost_ = false;
  link_.Unwant(this);
}

void AgentTransport::OnNotOpened(const absl::Status& why) {
  // Close has ended the start, and its answer is still to come: it says what ran.
  if (close_ != nullptr && !IsLossOfTheWire(why)) return;
  OnContactLost(why);
}

void AgentTransport::OnDetached(const absl::Status& why) {
  attach_.reset();
  OnContactLost(why);
}

void AgentTransport::OnContactLost(const absl::Status& why) {
  // The lease of before is over, or the host has lost the session: only now it is asked for.
  const bool refused =
      KindOf(why) == v1::FAILURE_PERMISSION_DENIED || KindOf(why) == v1::FAILURE_BAD_REQUEST;
  if (state_ == State::kAttaching && lease_is_old_ && refused) return Acquire();
  if (was_running_.has_value()) return Fail(EndedOnRequest(team_.name));  // The last word.
  // A lease that was ours is over: an Acquire of an earlier contact came late. Where somebody else
  // took it, the next Acquire is refused.
  const bool lost_lease =
      KindOf(why) == v1::FAILURE_PERMISSION_DENIED && state_ != State::kAcquiring;
  if (!IsLossOfTheWire(why) && !lost_lease) return Fail(why);
  // Not yet the last word: the link is about to say what happened.
  LoseContact();
  state_ = State::kAway;
  away_timer_ = loop_.After(kLinkVerdict, [this, why] {
    away_timer_ = 0;
    // The link is still there: it was the agent who ended the stream.
    if (tells_.empty() && ending_.empty() && cancels_.empty()) return Fail(why);
    UseLink();
  });
}

// What the host has goes on there, whatever has to be mended here.
std::vector<std::string> AgentTransport::LostWithLink(bool retries, bool host_is_known) const {
  std::vector<std::string> lost;
  for (const PendingTell& tell : tells_) {
    const bool waits = retries && (host_is_known || sink_.WaitsForHost(tell.id));
    if (!tell.given && !waits) lost.push_back(tell.id);
  }
  return lost;
}

bool AgentTransport::waits_for_host() const {
  return is_out_of_reach() &&
         std::none_of(tells_.begin(), tells_.end(), [](const PendingTell& tell) { return tell.given; });
}

void AgentTransport::OnLinkDown(const absl::Status& why, bool retries) {
  if (state_ == State::kDown) return;
  const bool had_contact = state_ != State::kLinking;
  // Whatever ended the link, for who had contact it is one thing: dropped.
  const absl::Status what =
      had_contact && retries ? MakeFailure(v1::FAILURE_DROPPED, ToProto(why).detail()) : why;
  if (!ending_.empty()) return Fail(what);
  if (had_contact) LoseContact();
  was_lost_ = true;
  if (!SettleCancelled()) return;
  const bool host_is_known = link_.was_up() || sink_.HostHasAnswered();
  const std::vector<std::string> lost = LostWithLink(retries, host_is_known);
  const bool is_remote = team_.remote.has_value();
  const absl::Status lost_as = retries && is_remote ? CouldWait(what) : what;
  const bool has_more = retries && !cancels_.empty();
  if (lost.size() == tells_.size() && !has_more) return Fail(what, lost_as);
  if (!retries) {
    TryBlockedLinkLater();
  } else {
    loop_.Cancel(std::exchange(blocked_timer_, 0));
  }
  const std::shared_ptr<bool> alive = alive_;
  sink_.OnProgress({.stage = TransportProgress::Stage::kConnecting,
                    .text = retries ? absl::StrCat("the host is out of reach, trying again: ",
                                                   ToProto(why).detail())
                                    : BlockedText(why)});
  for (const std::string& tell_id : lost) {
    if (*alive && Find(tell_id) != nullptr) SettleOne(tell_id, lost_as);
  }
  if (*alive && retries && !host_is_known && !tells_.empty()) sink_.OnHostAway(lost_as);
  // Who wakes the session does not wait for what a host has, or is to hear, nor for one that nobody
  // has seen.
  if (*alive && (!retries || !host_is_known || tells_.empty())) DropChild(what);
}

// What others ask of the link meanwhile does not put it off.
void AgentTransport::TryBlockedLinkLater() {
  if (blocked_timer_ != 0) return;
  blocked_wait_ = std::clamp(2 * blocked_wait_, kBlockedFirst, kBlockedLongest);
  blocked_timer_ = loop_.After(blocked_wait_, [this] {
    blocked_timer_ = 0;
    UseLink();
  });
}

// Somebody may have mended it; where that was said too soon after a refused login, it is tried
// again before long.
void AgentTransport::TryNow() {
  if (state_ != State::kLinking) return;
  blocked_wait_ = absl::ZeroDuration();
  UseLink();
}

void AgentTransport::DropChild(const absl::Status& why) {
  child_pid_ = 0;
  requests_.clear();
  take_lease_ = take_claim_ = false;
  const bool was_ready = std::exchange(told_ready_, false);
  if (std::exchange(spawning_, false) || was_ready) sink_.OnDown(why);
}

bool AgentTransport::SettleAll(const absl::Status& outcome) {
  std::deque<PendingTell> tells = std::exchange(tells_, {});
  text_bytes_ = 0;
  CountMemory();
  const std::shared_ptr<bool> alive = alive_;
  for (const PendingTell& tell : tells) {
    ++metrics_.tells_settled;
    sink_.OnSettled(tell.id, outcome);
    if (!*alive) return false;
  }
  return true;
}

void AgentTransport::Fail(const absl::Status& reason, const absl::Status& of_tells) {
  const absl::Status why = NameTakeover(reason, key_);
  LetGo();
  const absl::optional<bool> was_running = std::exchange(was_running_, absl::nullopt);
  if (!SettleAll(NameTakeover(of_tells, key_))) return;
  const std::shared_ptr<bool> alive = alive_;
  told_ready_ = false;
  sink_.OnDown(why);
  if (!*alive || ending_.empty()) return;
  if (was_running.has_value()) return Ended(*was_running);
  Ended(why);
}

void AgentTransport::Terminate(TerminateDone done) {
  ending_.push_back(std::move(done));
  if (ending_.size() > 1) return;
  SayHowUrgent();
  const bool has_stream = std::exchange(only_cancels_, false);
  if (has_stream || state_ == State::kOpen || state_ == State::kOpening) return Close();
  Later([this] {
    if (ending_.empty()) return;  // The link failed, and with it this.
    if (!SettleAll(EndedOnRequest(team_.name))) return;
    if (state_ == State::kOpen || state_ == State::kOpening) return Close();
    // A child of an earlier contact may live there.
    if (state_ == State::kDown) return UseLink();
    TryNow();
  });
}

void AgentTransport::Close() {
  if (state_ != State::kOpen && state_ != State::kOpening) state_ = State::kClosing;
  close_unanswered_ = true;
  close_ = CloseCall::Make(loop_, calls_, absl::Now() + kCloseDeadline,
                           [this](CloseCall& call, const grpc::Status& status) {
                             const bool was_running = call.response.was_running();
                             close_.reset();
                             if (status.ok()) {
                               close_unanswered_ = false;
                               return OnClosed(was_running);
                             }
                             OnClosed(FromHost(status, "ending the session"));
                           });
  close_->request.set_session_id(key_.session_id);
  close_->request.set_epoch(epoch_);
  life_->stub->async()->Close(&close_->context, &close_->request, &close_->response,
                              close_->Done());
}

void AgentTransport::OnClosed(const absl::StatusOr<bool>& was_running) {
  if (!was_running.ok()) {
    if (state_ != State::kOpen) return Fail(was_running.status());
    return Ended(was_running);
  }
  was_running_ = *was_running;
  if (state_ != State::kOpen) return Fail(EndedOnRequest(team_.name));
  // The stream says how the tells ended and that the child is gone; the call may be faster. A tell
  // that was still being sent is not heard of any more.
  ending_timer_ = loop_.After(kStreamVerdict, [this] {
    ending_timer_ = 0;
    Fail(EndedOnRequest(team_.name));
  });
  EndIfQuiet();
}

void AgentTransport::EndIfQuiet() {
  if (was_running_.has_value() && !ready_ && tells_.empty()) Ended(*was_running_);
}

void AgentTransport::Ended(const absl::StatusOr<bool>& was_running) {
  if (ending_timer_ != 0) loop_.Cancel(ending_timer_);
  ending_timer_ = 0;
  was_running_.reset();
  std::vector<TerminateDone> ending = std::exchange(ending_, {});
  const std::shared_ptr<bool> alive = alive_;
  for (TerminateDone& done : ending) {
    if (*alive) done(was_running);
  }
}

}  // namespace iris
