#include "coordinator/transport/child_ending.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "coordinator/transport/transport_machine.h"

namespace iris {
namespace {

// The answer to Close and the last events travel on streams of their own.
constexpr absl::Duration kStreamVerdict = absl::Seconds(3);

}  // namespace

ChildEnding::ChildEnding(EventLoop& loop, SessionContact& contact, PendingTells& tells,
                         TurnRelay& turns, ChildReport& child, std::function<void()> seek,
                         std::function<void(const absl::Status&)> fail)
    : loop_(loop),
      contact_(contact),
      tells_(tells),
      turns_(turns),
      child_(child),
      seek_(std::move(seek)),
      fail_(std::move(fail)),
      end_(loop) {}

absl::Status ChildEnding::EndedOnRequest() const {
  return MakeFailure(v1::FAILURE_CANCELLED, absl::StrCat("claude for team ", contact_.team().name,
                                                         " was ended on request"));
}

void ChildEnding::Ask(Transport::TerminateDone done) {
  if (!end_.Ask(std::move(done))) return;
  contact_.UpdateUrgency();
  if (contact_.attached()) return contact_.Handle(TransportEvent::kEndAsked);
  loop_.Post([this, alive = alive_.Watch()] {
    if (!alive || !end_.asked()) return;  // The link failed, and with it this.
    // What the host may have ends there, or it has not ended.
    if (!turns_.SettleEach(tells_.NotGivenIds(), EndedOnRequest())) return;
    if (contact_.calls().is_closing()) return;
    if (contact_.attached()) return contact_.Handle(TransportEvent::kEndAsked);
    seek_();  // A child of an earlier contact may live there.
  });
}

void ChildEnding::Close() {
  Check(end_.asked(), "a child is ended and nobody has asked for that");
  SendClose(/*may_overtake=*/contact_.calls().is_opening());
}

void ChildEnding::SendClose(bool may_overtake) {
  end_.OnCloseSent();
  contact_.calls().Close([this, may_overtake](const absl::StatusOr<bool>& was_running) {
    if (!was_running.ok()) return OnNotClosed(was_running.status());
    // gRPC hands calls over on several threads: the Open may have come there behind this, and its
    // child would live on.
    if (may_overtake && !*was_running) return SendClose(/*may_overtake=*/false);
    OnClosed(*was_running);
  });
}

void ChildEnding::OnClosed(bool was_running) {
  end_.OnCloseAnswered();
  end_.OnAnswer(was_running);
  if (contact_.state() != TransportState::kOpen) return fail_(EndedOnRequest());
  // The stream says how the tells ended and that the child is gone; the call may be faster. A tell
  // that was still being sent is not heard of any more.
  end_.WaitForStream(kStreamVerdict, [this] { fail_(EndedOnRequest()); });
  EndIfQuiet();
}

// What the host has is asked for anew where it was not on this stream.
void ChildEnding::OnNotClosed(const absl::Status& why) {
  if (contact_.state() == TransportState::kOpen && contact_.launch().is_heard()) {
    end_.Finish(why);
    return;
  }
  if (!tells_.any_given()) return fail_(why);
  if (end_.Finish(why)) contact_.Handle(TransportEvent::kStartedOver);
}

void ChildEnding::EndIfQuiet() {
  const absl::optional<bool> was_running = end_.was_running();
  if (was_running.has_value() && !child_.ready() && tells_.empty()) end_.Finish(*was_running);
}

bool ChildEnding::GiveUp(const absl::Status& why, bool has_cancels) {
  if (!is_answered() && (tells_.any_given() || has_cancels)) return end_.Finish(why);
  fail_(why);
  return false;
}

void ChildEnding::Finish(const absl::optional<bool>& was_running, const absl::Status& why) {
  if (!end_.asked()) return;
  if (was_running.has_value()) {
    end_.Finish(*was_running);
  } else {
    end_.Finish(why);
  }
}

}  // namespace iris
