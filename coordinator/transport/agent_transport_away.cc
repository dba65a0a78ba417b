// A host that is out of reach: what waits for it, what ends, and when it is tried again.

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/failure/failure.h"
#include "coordinator/link/login_bar.h"
#include "coordinator/transport/agent_transport.h"
#include "coordinator/transport/host_away.h"

namespace iris {
namespace {

absl::Status CancelledOutOfReach() {
  return MakeFailure(v1::FAILURE_CANCELLED,
                     "the message was cancelled while the host was out of reach; the team is told "
                     "once it is back");
}

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

TransportProgress::Stage StageOf(ConnectProgress::Stage stage) {
  if (stage == ConnectProgress::Stage::kUploading) return TransportProgress::Stage::kUploading;
  if (stage == ConnectProgress::Stage::kStarting) return TransportProgress::Stage::kStarting;
  return TransportProgress::Stage::kConnecting;
}

}  // namespace

void AgentTransport::OnLinkProgress(const ConnectProgress& progress) {
  const bool is_asked_anew = calls_.has_contact() && !leads_here();
  if (state() != State::kLinking && !is_asked_anew) return;
  sink_.OnProgress({.stage = StageOf(progress.stage),
                    .text = progress.text,
                    .bytes_done = progress.bytes_done,
                    .bytes_total = progress.bytes_total});
}

void AgentTransport::OnLinkDown(const absl::Status& why, bool retries) {
  if (state() == State::kDown) return;
  const bool had_contact = state() != State::kLinking;
  // Whatever ended the link, for who had contact it is one thing: dropped.
  const absl::Status what =
      had_contact && retries ? MakeFailure(v1::FAILURE_DROPPED, ToProto(why).detail()) : why;
  if (end_.asked() && !GiveUpEnding(what)) return;
  if (machine_.Possible(Event::kLinkLost)) Handle(Event::kLinkLost);
  was_lost_ = true;
  // Who cancelled does not wait for the link.
  if (!SettleEach(cancels_.pending().TellIds(), CancelledOutOfReach())) return;
  const HostAway away = AwayNow(what, why, retries);
  is_trying_ = retries;
  if (!SettleWhatDoesNotWait(away)) return;
  const bool has_cancels = retries && !cancels_.empty();
  if (tells_.empty() && !has_cancels && !awaits_host_) return Fail(what);
  if (retries) {
    retry_.Cancel();
  } else if (away.login_in.has_value()) {  // Whoever asked has not had a login yet.
    retry_.In(*away.login_in);
  } else if (tells_.any_given()) {  // Worth another login that is refused, most likely.
    retry_.Later();
  }
  SayAway(away);
}

HostAway AgentTransport::AwayNow(const absl::Status& what, const absl::Status& why, bool retries) {
  return {.why = what,
          .environment = team_.asker.environment,
          .is_remote = team_.remote.has_value(),
          .retries = retries,
          .host_is_known = link_.was_up() || sink_.HostHasAnswered(),
          .asker_is_newer = std::exchange(asker_is_newer_, false),
          .login_in = NextLoginIn(why)};
}

// What the host has goes on there, whatever has to be mended here.
bool AgentTransport::SettleWhatDoesNotWait(const HostAway& away) {
  std::vector<std::pair<std::string, absl::Status>> ends;
  for (const std::string& tell_id : tells_.NotGivenIds()) {
    absl::Status end = sink_.EndWhileAway(tell_id, away);
    if (!end.ok()) ends.emplace_back(tell_id, std::move(end));
  }
  for (const auto& [tell_id, end] : ends) {
    if (!SettleEach({tell_id}, end)) return false;
  }
  return true;
}

void AgentTransport::SayAway(const HostAway& away) {
  const bool any_given = tells_.any_given();
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
    take_lease_ = take_claim_ = false;
    child_.SayUnknown(away.why, std::exchange(spawning_, false));
  }
  if (*alive && !away.retries && away.asker_is_newer) Later([this] { TryNow(); });
}

bool AgentTransport::Withdraw(const std::string& tell_id) {
  const PendingTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr || tell->given || !is_out_of_reach()) return false;
  tells_.Remove(tell_id);
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

void AgentTransport::TryLater() {
  if (state() == State::kLinking && !is_trying_) retry_.Later();
}

// Somebody may have mended it; where that was said too soon after a refused login, it is tried
// again before long.
void AgentTransport::TryNow() {
  if (state() != State::kLinking) return;
  retry_.Reset();
  Handle(Event::kSought);
}

// ------------------------------------------------------------------------------ what is cancelled

// How a tell ends comes down the stream; a call only asks for it. Who cancels while the host is out
// of reach does not wait.
void AgentTransport::Cancel(const std::string& tell_id) {
  const PendingTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr) return;
  if (tell->given) cancels_.Add(tell_id, host_.mark().key);
  if (tell->on_stream && calls_.stream() != nullptr) {
    return cancels_.Ask(tell_id, host_.mark().key);
  }
  Later([this, tell_id] { CancelHere(tell_id); });
}

// What was not on its way to the host when somebody cancelled it, and may be by now.
void AgentTransport::CancelHere(const std::string& tell_id) {
  const std::string& host = host_.mark().key;
  const PendingTell* const tell = tells_.Find(tell_id);
  const bool may_be_there = tell != nullptr ? tell->given : cancels_.pending().Has(tell_id);
  if (may_be_there) cancels_.Add(tell_id, host);
  if (tell != nullptr && tell->on_stream && calls_.stream() != nullptr) {
    return cancels_.Ask(tell_id, host);
  }
  const std::shared_ptr<bool> alive = alive_;
  if (tell != nullptr) {
    turns_.Settle(tell_id, may_be_there
                               ? CancelledOutOfReach()
                               : MakeFailure(v1::FAILURE_CANCELLED,
                                             "the message was cancelled before the team got it"));
  }
  if (!*alive) return;
  if (!may_be_there) return sink_.OnCancelHeard(tell_id);
  // There is contact with the host, which was not to get the message again yet.
  const bool has_stream = state() == State::kOpen || state() == State::kOpening;
  if (has_stream && cancels_.pending().Has(tell_id)) cancels_.Ask(tell_id, host_.mark().key);
}

void AgentTransport::PassOnCancel(const std::string& tell_id, const std::string& host) {
  cancels_.Add(tell_id, host);
  if (machine_.attached()) return cancels_.Ask(tell_id, host_.mark().key);
  Later([this] {
    if (state() == State::kDown && !cancels_.empty()) Handle(Event::kSought);
  });
}

void AgentTransport::OnCancelHeard(const std::string& tell_id) {
  const std::shared_ptr<bool> alive = alive_;
  sink_.OnCancelHeard(tell_id);
  if (*alive) LetGoAfterCancels();
}

void AgentTransport::LetGoAfterCancels() {
  if (state() != State::kCancelling || cancels_.pending().AnyFor(host_.mark().key)) return;
  if (!child_.ForgetRequests()) return;
  Handle(Event::kDone);
  child_.SayGone(MakeFailure(v1::FAILURE_DROPPED, "nobody needs the host any more"));
}

}  // namespace iris
