// How contact with a session ends: the stream, the link, and the child on request.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/transport/agent_transport.h"
#include "coordinator/transport/name_takeover.h"

namespace iris {
namespace {

// The stream and the link end together; the link knows why, and says so a little later.
constexpr absl::Duration kLinkVerdict = absl::Seconds(3);
// The answer to Close and the last events travel on streams of their own.
constexpr absl::Duration kStreamVerdict = absl::Seconds(3);

absl::Status EndedOnRequest(absl::string_view team) {
  return MakeFailure(v1::FAILURE_CANCELLED,
                     absl::StrCat("claude for team ", team, " was ended on request"));
}

// What a call to the agent says when its wire is gone.
bool IsLossOfTheWire(const absl::Status& why) {
  return KindOf(why) == v1::FAILURE_DROPPED || KindOf(why) == v1::FAILURE_UNREACHABLE;
}

}  // namespace

void AgentTransport::LoseContact() {
  calls_.Drop();
  if (away_timer_ != 0) loop_.Cancel(away_timer_);
  away_timer_ = 0;
  loop_.Cancel(std::exchange(blocked_timer_, 0));
  loop_.Cancel(std::exchange(give_timer_, 0));
  loop_.Cancel(std::exchange(doing_timer_, 0));
  ready_ = launch_is_new_ = false;
}

void AgentTransport::LetGo() {
  LoseContact();
  child_pid_ = 0;
  // Nobody waits for what the line that has begun may say: it is read again from where it began.
  point_ = ReadPoint{.mark = point_.mark};
  CountMemory();
  requests_.clear();
  spawning_ = take_lease_ = take_claim_ = false;
  was_lost_ = is_trying_ = asker_is_newer_ = false;
  link_.Unwant(this);
}

void AgentTransport::OnNotOpened(const absl::Status& why) {
  // Close has ended the start, and its answer is still to come: it says what ran.
  if (calls_.is_closing() && !IsLossOfTheWire(why)) return;
  OnContactLost(why);
}

void AgentTransport::OnDetached(const absl::Status& why) {
  calls_.ForgetStream();
  OnContactLost(why);
}

void AgentTransport::OnContactLost(const absl::Status& why) {
  // The lease of before is over, or the host has lost the session: only now it is asked for.
  const bool refused =
      KindOf(why) == v1::FAILURE_PERMISSION_DENIED || KindOf(why) == v1::FAILURE_BAD_REQUEST;
  if (state() == State::kReattaching && refused) return Handle(Event::kLeaseRefused);
  if (was_running_.has_value()) return Fail(EndedOnRequest(team_.name));  // The last word.
  // A lease that was ours is over: an Acquire of an earlier contact came late. Where somebody else
  // took it, the next Acquire is refused.
  const bool lost_lease =
      KindOf(why) == v1::FAILURE_PERMISSION_DENIED && state() != State::kAcquiring;
  if (!IsLossOfTheWire(why) && !lost_lease) return Fail(why);
  contact_lost_ = why;
  Handle(Event::kContactLost);
}

// Not yet the last word: the link is about to say what happened.
void AgentTransport::AwaitVerdict() {
  away_timer_ = loop_.After(kLinkVerdict, [this] {
    away_timer_ = 0;
    // The link is still there: it was the agent who ended the stream.
    if (tells_.empty() && ending_.empty() && cancels_.empty()) return Fail(contact_lost_);
    Handle(Event::kSought);
  });
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

bool AgentTransport::SettleNotGiven(const absl::Status& outcome) {
  std::vector<std::string> ids;
  for (const PendingTell& tell : tells_) {
    if (!tell.given) ids.push_back(tell.id);
  }
  const std::shared_ptr<bool> alive = alive_;
  for (const std::string& id : ids) {
    if (Find(id) != nullptr) SettleOne(id, outcome);
    if (!*alive) return false;
  }
  return true;
}

void AgentTransport::Fail(const absl::Status& reason) {
  const absl::Status why = NameTakeover(reason, key_);
  Handle(Event::kDone);
  if (awaits_host_) AwaitHost();
  const absl::optional<bool> was_running = std::exchange(was_running_, absl::nullopt);
  if (!SettleAll(why)) return;
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
  if (machine_.attached()) return Handle(Event::kEndAsked);
  Later([this] {
    if (ending_.empty()) return;  // The link failed, and with it this.
    // What the host may have ends there, or it has not ended.
    if (!SettleNotGiven(EndedOnRequest(team_.name)) || calls_.is_closing()) return;
    if (machine_.attached()) return Handle(Event::kEndAsked);
    SeekOrTryNow();  // A child of an earlier contact may live there.
  });
}

void AgentTransport::Close() {
  close_unanswered_ = true;
  calls_.Close([this](const absl::StatusOr<bool>& was_running) {
    if (was_running.ok()) close_unanswered_ = false;
    OnClosed(was_running);
  });
}

void AgentTransport::OnClosed(const absl::StatusOr<bool>& was_running) {
  if (!was_running.ok()) return OnNotClosed(was_running.status());
  was_running_ = *was_running;
  if (state() != State::kOpen) return Fail(EndedOnRequest(team_.name));
  // The stream says how the tells ended and that the child is gone; the call may be faster. A tell
  // that was still being sent is not heard of any more.
  ending_timer_ = loop_.After(kStreamVerdict, [this] {
    ending_timer_ = 0;
    Fail(EndedOnRequest(team_.name));
  });
  EndIfQuiet();
}

// What the host has is asked for anew where it was not on this stream.
void AgentTransport::OnNotClosed(const absl::Status& why) {
  if (state() == State::kOpen && launch_is_new_) return Ended(why);
  if (!IsAnyGiven()) return Fail(why);
  const std::shared_ptr<bool> alive = alive_;
  Ended(why);
  if (!*alive) return;
  Handle(Event::kStartedOver);
}

bool AgentTransport::GiveUpEnding(const absl::Status& why) {
  const bool was_heard = was_running_.has_value();
  if (was_heard || (!IsAnyGiven() && cancels_.empty())) {
    Fail(was_heard ? EndedOnRequest(team_.name) : why);
    return false;
  }
  const std::shared_ptr<bool> alive = alive_;
  Ended(why);
  return *alive;
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
