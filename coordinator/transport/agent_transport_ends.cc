// How contact with a session ends: the stream, the link, and the child on request.

#include <memory>
#include <string>
#include <utility>

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
  loop_.Cancel(std::exchange(away_timer_, 0));
  sender_.Pause();
  retry_.Cancel();
  turns_.progress().Pause();
  child_.OnContactLost();
  launch_.OnContactEnd();
}

void AgentTransport::LetGo() {
  LoseContact();
  turns_.ForgetHalfLine();
  child_.Forget();
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
  if (end_.was_running().has_value()) return Fail(EndedOnRequest(team_.name));  // The last word.
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
    OnVerdictDue();
  });
}

// The link is still there: it was the agent who ended the stream.
void AgentTransport::OnVerdictDue() {
  if (tells_.empty() && !end_.asked() && cancels_.empty()) return Fail(contact_lost_);
  Handle(Event::kSought);
}

void AgentTransport::Fail(const absl::Status& reason) {
  const absl::Status why = NameTakeover(reason, key_);
  Handle(Event::kDone);
  if (awaits_host_) AwaitHost();
  const absl::optional<bool> was_running = end_.TakeAnswer();
  if (!turns_.SettleAll(why)) return;
  const std::shared_ptr<bool> alive = alive_;
  child_.SayFailed(why);
  if (!*alive || !end_.asked()) return;
  if (was_running.has_value()) {
    end_.Finish(*was_running);
  } else {
    end_.Finish(why);
  }
}

// ---------------------------------------------------------------------- the child ends on request

void AgentTransport::Terminate(TerminateDone done) {
  if (!end_.Ask(std::move(done))) return;
  UpdateUrgency();
  if (machine_.attached()) return Handle(Event::kEndAsked);
  Later([this] {
    if (!end_.asked()) return;  // The link failed, and with it this.
    // What the host may have ends there, or it has not ended.
    if (!SettleEach(tells_.NotGivenIds(), EndedOnRequest(team_.name))) return;
    if (calls_.is_closing()) return;
    if (machine_.attached()) return Handle(Event::kEndAsked);
    SeekOrTryNow();  // A child of an earlier contact may live there.
  });
}

void AgentTransport::Close() {
  end_.OnCloseSent();
  calls_.Close([this](const absl::StatusOr<bool>& was_running) {
    if (was_running.ok()) end_.OnCloseAnswered();
    OnClosed(was_running);
  });
}

void AgentTransport::OnClosed(const absl::StatusOr<bool>& was_running) {
  if (!was_running.ok()) return OnNotClosed(was_running.status());
  end_.OnAnswer(*was_running);
  if (state() != State::kOpen) return Fail(EndedOnRequest(team_.name));
  // The stream says how the tells ended and that the child is gone; the call may be faster. A tell
  // that was still being sent is not heard of any more.
  end_.WaitForStream(kStreamVerdict, [this] { Fail(EndedOnRequest(team_.name)); });
  EndIfQuiet();
}

// What the host has is asked for anew where it was not on this stream.
void AgentTransport::OnNotClosed(const absl::Status& why) {
  if (state() == State::kOpen && launch_.is_heard()) {
    end_.Finish(why);
    return;
  }
  if (!tells_.any_given()) return Fail(why);
  if (end_.Finish(why)) Handle(Event::kStartedOver);
}

bool AgentTransport::GiveUpEnding(const absl::Status& why) {
  const bool was_heard = end_.was_running().has_value();
  if (was_heard || (!tells_.any_given() && cancels_.empty())) {
    Fail(was_heard ? EndedOnRequest(team_.name) : why);
    return false;
  }
  return end_.Finish(why);
}

void AgentTransport::EndIfQuiet() {
  const absl::optional<bool> was_running = end_.was_running();
  if (was_running.has_value() && !child_.ready() && tells_.empty()) end_.Finish(*was_running);
}

}  // namespace iris
