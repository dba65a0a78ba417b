#include "coordinator/transport/cancelled_tells.h"

#include <utility>

#include "absl/status/status.h"
#include "common/base/alive_flag.h"
#include "common/failure/failure.h"
#include "coordinator/transport/transport_machine.h"

namespace iris {
namespace {

// The host may have run it by the time it hears of the cancel.
absl::Status CancelledOutOfReach() {
  return MakeFailure(v1::FAILURE_CANCELLED,
                     "the message was cancelled while the host was out of reach; the team is told "
                     "once it is back",
                     FixFor(v1::FAILURE_AMBIGUOUS));
}

absl::Status CancelledInTime() {
  return MakeFailure(v1::FAILURE_CANCELLED, "the message was cancelled before the team got it");
}

}  // namespace

CancelledTells::CancelledTells(EventLoop& loop, SessionContact& contact, PendingTells& tells,
                               TurnRelay& turns, ChildReport& child, TransportSink& sink)
    : loop_(loop),
      contact_(contact),
      tells_(tells),
      turns_(turns),
      child_(child),
      sink_(sink),
      cancels_(loop, contact.calls(), [this](const std::string& id) { OnHeard(id); }) {}

void CancelledTells::Later(std::function<void()> task) {
  loop_.Post([alive = alive_.Watch(), task = std::move(task)] {
    if (alive) task();
  });
}

void CancelledTells::Cancel(const std::string& tell_id) {
  const PendingTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr) return;
  if (tell->given) cancels_.Add(tell_id, contact_.host().key);
  if (IsOnStream(*tell)) return cancels_.Ask(tell_id, contact_.host().key);
  Later([this, tell_id] { CancelHere(tell_id); });
}

// What was not on its way to the host when somebody cancelled it, and may be by now.
void CancelledTells::CancelHere(const std::string& tell_id) {
  const std::string& host = contact_.host().key;
  const PendingTell* const tell = tells_.Find(tell_id);
  const bool may_be_there = tell != nullptr ? tell->given : cancels_.pending().Has(tell_id);
  if (may_be_there) cancels_.Add(tell_id, host);
  if (tell != nullptr && IsOnStream(*tell)) return cancels_.Ask(tell_id, host);
  const AliveWatch alive = alive_.Watch();
  if (tell != nullptr) {
    turns_.Settle(tell_id, may_be_there ? CancelledOutOfReach() : CancelledInTime());
  }
  if (!alive) return;
  if (!may_be_there) return sink_.OnCancelHeard(tell_id);
  // There is contact with the host, which was not to get the message again yet.
  const TransportState state = contact_.state();
  const bool has_stream = state == TransportState::kOpen || state == TransportState::kOpening;
  if (has_stream && cancels_.pending().Has(tell_id)) cancels_.Ask(tell_id, contact_.host().key);
}

void CancelledTells::PassOn(const std::string& tell_id, const std::string& host) {
  cancels_.Add(tell_id, host);
  if (contact_.attached()) return cancels_.Ask(tell_id, contact_.host().key);
  Later([this] {
    const bool is_down = contact_.state() == TransportState::kDown;
    if (is_down && !cancels_.empty()) contact_.Handle(TransportEvent::kSought);
  });
}

bool CancelledTells::SettleAll() {
  return turns_.SettleEach(cancels_.pending().TellIds(), CancelledOutOfReach());
}

void CancelledTells::AskAll() {
  cancels_.AskAll(contact_.host().key);
  LetGoIfAllHeard();
}

void CancelledTells::OnHeard(const std::string& tell_id) {
  const AliveWatch alive = alive_.Watch();
  sink_.OnCancelHeard(tell_id);
  if (alive) LetGoIfAllHeard();
}

void CancelledTells::LetGoIfAllHeard() {
  if (contact_.state() != TransportState::kCancelling) return;
  if (cancels_.pending().AnyFor(contact_.host().key)) return;
  if (!child_.ForgetRequests()) return;
  contact_.Handle(TransportEvent::kDone);
  child_.SayGone(MakeFailure(v1::FAILURE_DROPPED, "nobody needs the host any more"));
}

}  // namespace iris
