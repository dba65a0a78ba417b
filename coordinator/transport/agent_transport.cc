#include "coordinator/transport/agent_transport.h"

#include "common/base/alive_flag.h"
#include "common/failure/failure.h"
#include "coordinator/link/login_bar.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/name_takeover.h"
#include "coordinator/transport/prose.h"

namespace iris {

AgentTransport::AgentTransport(EventLoop& loop, Link& link, CoordinatorIdentity identity,
                               const Team& team, SessionKey key, const ReadMark& after,
                               TransportSink& sink, ByteBudget* budget)
    : loop_(loop),
      key_(std::move(key)),
      sink_(sink),
      contact_(loop, link, std::move(identity), team, key_, after.host, sink, *this),
      sender_(loop, tells_, contact_.calls(), sink, [this] { OnMaySend(); }),
      turns_(loop, tells_, key_, after, sink, budget),
      child_(key_.session_id, turns_.progress(), sink),
      cancels_(loop, contact_, tells_, turns_, child_, sink),
      ending_(
          loop, contact_, tells_, turns_, child_, [this] { SeekOrTryNow(); },
          [this](const absl::Status& why) { Fail(why); }),
      news_({.contact = contact_,
             .tells = tells_,
             .sender = sender_,
             .turns = turns_,
             .child = child_,
             .cancels = cancels_,
             .ending = ending_,
             .sink = sink}),
      wait_(loop, tells_, turns_, sink, [this] { contact_.Handle(Event::kSought); }) {}

AgentTransport::~AgentTransport() {
  alive_.Clear();
  contact_.Handle(Event::kDone);
}

void AgentTransport::Later(std::function<void()> task) {
  loop_.Post([alive = alive_.Watch(), task = std::move(task)] {
    if (alive) task();
  });
}

// --------------------------------------------------------------------------- what it is needed for

HostNeeds AgentTransport::Needs() const {
  return {.tells = !tells_.empty(),
          .given = tells_.any_given(),
          .cancels = !cancels_.empty(),
          .start = child_.is_awaited(),
          .end = ending_.asked(),
          .ended = ending_.is_answered(),
          .other_lease = ending_.may_still_come()};
}

bool AgentTransport::IsIdle() const {
  return tells_.empty() && cancels_.empty() && !ending_.asked() && !child_.is_awaited() &&
         !wait_.is_awaited();
}

void AgentTransport::Spawn() {
  contact_.LendToLink();
  if (state() == State::kOpen && ready()) return Later([this] { child_.SayReadyAgain(); });
  child_.Await();
  contact_.UpdateUrgency();
  // Open: the child has ended since; the agent starts another.
  if (contact_.Possible(Event::kChildNeeded)) return contact_.Handle(Event::kChildNeeded);
  SeekOrTryNow();
}

void AgentTransport::TakeOver() {
  contact_.TakeOver();
  child_.Await();
  contact_.UpdateUrgency();
  // Whether the lease is still ours only the host knows: the whole way is gone anew.
  contact_.Handle(Event::kStartedOver);
}

void AgentTransport::UseAskerOf(const Team& team) {
  const SharedEnvironment& before = contact_.team().asker.environment;
  const bool is_other = team.asker.environment != nullptr && team.asker.environment != before;
  if (is_other && state() == State::kLinking) wait_.OnOtherAsker();
  contact_.UseAskerOf(team);
}

void AgentTransport::Tell(const std::string& tell_id, std::string text) {
  contact_.LendToLink();
  tells_.Add({.id = tell_id, .text = AsProse(std::move(text))});
  contact_.UpdateUrgency();
  if (state() == State::kCancelling) return contact_.Handle(Event::kChildNeeded);
  if (state() == State::kOpen) return OnMaySend();
  SeekOrTryNow();
}

void AgentTransport::Resume(const std::string& tell_id, std::string text, bool given) {
  const ReadMark& mark = turns_.mark();
  // A store from before marks said so has `in_flight` alone.
  const bool begun = tell_id == mark.begun || tell_id == mark.in_flight;
  tells_.Add({.id = tell_id,
              .text = AsProse(std::move(text)),
              .sent = true,
              // An earlier build said so of what waited for its first host too.
              .given = given && HasHadHost(),
              .has_text = true,
              .begun = begun});
  contact_.UpdateUrgency();
  Later([this] {
    if (state() == State::kCancelling) return contact_.Handle(Event::kChildNeeded);
    if (state() == State::kOpen) return OnMaySend();
    if (state() == State::kDown && busy()) return contact_.Handle(Event::kSought);
    TryNow();
  });
}

// ------------------------------------------------------------------------------ what comes from it

const ReadPoint& AgentTransport::OnAttaching() {
  tells_.OnNewStream();
  return turns_.point();
}

void AgentTransport::OnMaySend() {
  if (state() != State::kOpen || !contact_.may_send()) return;
  const bool all_sent = sender_.Send(contact_.launch().is_current(), turns_.mark().in_flight);
  if (!all_sent) contact_.Handle(Event::kChildNeeded);
}

void AgentTransport::Acknowledge(const ReadMark& mark) {
  if (contact_.OnHostStored(mark.host)) OnMaySend();
  AttachCall* const stream = contact_.calls().stream();
  if (stream != nullptr && mark.journal_id == turns_.mark().journal_id) stream->Acknowledge(mark);
}

void AgentTransport::Answer(const std::string& request_id, const std::string& json,
                            AnswerDone done) {
  if (contact_.calls().stream() == nullptr) {
    return loop_.Post([done = std::move(done)] {
      done(MakeFailure(v1::FAILURE_UNREACHABLE,
                       "the host is out of reach, and what claude asks waits there",
                       "Answer again when `iris status` shows the link up."));
    });
  }
  contact_.calls().Answer(request_id, json, std::move(done));
}

// -------------------------------------------------------------------------- a host out of reach

bool AgentTransport::OnLinkIsUp() {
  if (!wait_.OnUp()) return true;
  Later([this] { sink_.OnHostBack(); });
  return !IsIdle();
}

void AgentTransport::OnOtherHost(const absl::Status& why) {
  for (const std::string& tell_id : tells_.GivenIds()) {
    Later([this, tell_id, why] { turns_.SettleEach({tell_id}, why); });
  }
}

// Which host it is was stored before anything was sent there; a store from before hosts were noted
// has the journal alone.
bool AgentTransport::HasHadHost() const {
  return !contact_.host().key.empty() || !turns_.mark().journal_id.empty();
}

// Where an agent has had the session, its conversation is there, and a claude may be.
bool AgentTransport::HandsOver() const {
  const HostNeeds needs = Needs();
  const bool is_free = !HasHadHost() && !needs.given && !needs.cancels && !needs.end;
  if (!is_free || IsIdle() || !contact_.no_agent_possible()) return false;
  const HandOver hand_over = hand_over_;  // What it stands in may go.
  return hand_over && hand_over();
}

void AgentTransport::OnLinkIsDown(const absl::Status& what, const absl::Status& why, bool retries) {
  if (HandsOver()) return;
  if (ending_.asked() && !ending_.GiveUp(what, !cancels_.empty())) return;
  if (contact_.Possible(Event::kLinkLost)) contact_.Handle(Event::kLinkLost);
  wait_.OnDown();
  // Who cancelled does not wait for the link.
  if (!cancels_.SettleAll()) return;
  HostAway away = {.why = what,
                   .environment = contact_.team().asker.environment,
                   .is_remote = contact_.team().remote.has_value(),
                   .retries = retries,
                   .host_is_known = contact_.was_up() || sink_.HostHasAnswered(),
                   .login_in = NextLoginIn(why)};
  if (!wait_.OnAway(away)) return;
  const bool has_cancels = retries && !cancels_.empty();
  if (tells_.empty() && !has_cancels && !wait_.is_awaited()) return Fail(what);
  wait_.TryAgain(away);
  const bool any_given = tells_.any_given();
  if (!wait_.Say(away)) return;
  const AliveWatch alive = alive_.Watch();
  // Who wakes the session, or takes it over, does not wait with what a host has, or is to hear, nor
  // with what waits for one, nor for one that nobody has seen.
  if (child_.is_awaited() || !retries || !away.host_is_known || !any_given) {
    contact_.ForgetTakeOver();
    child_.SayUnknown(what, child_.StopAwaiting());
  }
  if (alive && !retries && away.asker_is_newer) Later([this] { TryNow(); });
}

bool AgentTransport::Withdraw(const std::string& tell_id) {
  return is_out_of_reach() && wait_.TakeBack(tell_id);
}

void AgentTransport::AwaitHost() {
  wait_.Await();
  if (state() != State::kDown) return;
  Later([this] {
    if (wait_.is_awaited() && state() == State::kDown) contact_.Handle(Event::kSought);
  });
}

void AgentTransport::StopAwaiting() {
  wait_.StopAwaiting();
  if (state() == State::kLinking && IsIdle()) contact_.Handle(Event::kDone);
}

void AgentTransport::TryLater() {
  if (state() == State::kLinking) wait_.TryLater();
}

// Somebody may have mended it; where that was said too soon after a refused login, it is tried
// again before long.
void AgentTransport::TryNow() {
  if (state() != State::kLinking) return;
  wait_.OnTriedNow();
  contact_.Handle(Event::kSought);
}

// ------------------------------------------------------------------------------------------- ends

void AgentTransport::OnContactEnd() {
  sender_.Pause();
  wait_.OnContactEnd();
  turns_.progress().Pause();
  child_.OnContactLost();
}

void AgentTransport::OnLetGo() {
  turns_.ForgetHalfLine();
  child_.Forget();
  wait_.OnLetGo();
}

// Fails every tell and starts over with the next one.
void AgentTransport::Fail(const absl::Status& reason) {
  const absl::optional<bool> was_running = ending_.TakeAnswer();
  const absl::Status why =
      was_running.has_value() ? ending_.EndedOnRequest() : NameTakeover(reason, key_);
  contact_.Handle(Event::kDone);
  if (wait_.is_awaited()) AwaitHost();
  if (!turns_.SettleAll(why)) return;
  const AliveWatch alive = alive_.Watch();
  child_.SayFailed(why);
  if (alive) ending_.Finish(was_running, why);
}

}  // namespace iris
