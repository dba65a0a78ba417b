// Cancelling tells. How one ends comes down the stream; a call only asks for it, at every contact
// with the host until that has answered. Who cancels while the host is out of reach does not wait.

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/bootstrap/host_failure.h"
#include "coordinator/transport/agent_transport.h"

namespace iris {
namespace {

constexpr absl::Duration kCancelDeadline = absl::Seconds(30);
// Where the call failed and the link stands.
constexpr absl::Duration kCancelAgain = absl::Seconds(5);
constexpr size_t kCancelsMax = 1000;

// The host may have run it by the time it hears of the cancel.
absl::Status CancelledOutOfReach() {
  return MakeFailure(v1::FAILURE_CANCELLED,
                     "the message was cancelled while the host was out of reach; the team is told "
                     "once it is back",
                     FixFor(v1::FAILURE_AMBIGUOUS));
}

}  // namespace

void AgentTransport::Cancel(const std::string& tell_id) {
  const PendingTell* tell = Find(tell_id);
  if (tell == nullptr) return;
  if (tell->given) AddCancel(tell_id, host_.mark().key);
  if (tell->on_stream && attach_ != nullptr) return AskToCancel(tell_id);
  Later([this, tell_id] { CancelHere(tell_id); });
}

// What was not on its way to the host when somebody cancelled it, and may be by now.
void AgentTransport::CancelHere(const std::string& tell_id) {
  const PendingTell* tell = Find(tell_id);
  const bool may_be_there = tell != nullptr ? tell->given : FindCancel(tell_id) != nullptr;
  if (may_be_there) AddCancel(tell_id, host_.mark().key);
  if (tell != nullptr && tell->on_stream && attach_ != nullptr) return AskToCancel(tell_id);
  const std::shared_ptr<bool> alive = alive_;
  if (tell != nullptr) {
    SettleOne(tell_id, may_be_there
                           ? CancelledOutOfReach()
                           : MakeFailure(v1::FAILURE_CANCELLED,
                                         "the message was cancelled before the team got it"));
  }
  if (!*alive) return;
  if (!may_be_there) return sink_.OnCancelHeard(tell_id);
  // There is contact with the host, which was not to get the message again yet.
  const bool has_stream = state_ == State::kOpen || state_ == State::kOpening;
  if (has_stream && FindCancel(tell_id) != nullptr) AskToCancel(tell_id);
}

// The link is lost: who cancelled does not wait for it. False: a sink destroyed this.
bool AgentTransport::SettleCancelled() {
  const std::shared_ptr<bool> alive = alive_;
  for (const PendingCancel& cancel : std::vector<PendingCancel>(cancels_)) {
    if (Find(cancel.tell_id) != nullptr) SettleOne(cancel.tell_id, CancelledOutOfReach());
    if (!*alive) return false;
  }
  return true;
}

void AgentTransport::PassOnCancel(const std::string& tell_id, const std::string& host) {
  AddCancel(tell_id, host);
  const bool has_stream = only_cancels_ || state_ == State::kOpen || state_ == State::kOpening;
  if (has_stream) return AskToCancel(tell_id);
  Later([this] {
    if (state_ == State::kDown && !cancels_.empty()) UseLink();
  });
}

void AgentTransport::AddCancel(const std::string& tell_id, const std::string& host) {
  if (cancels_.size() >= kCancelsMax || FindCancel(tell_id) != nullptr) return;
  cancels_.push_back({.tell_id = tell_id, .host = host});
}

const AgentTransport::PendingCancel* AgentTransport::FindCancel(const std::string& tell_id) const {
  const auto found = absl::c_find_if(
      cancels_, [&tell_id](const PendingCancel& cancel) { return cancel.tell_id == tell_id; });
  return found == cancels_.end() ? nullptr : &*found;
}

// An answer that is lost with the link is asked for again at the next contact. Another host than
// the one that has the message would say that it knows none.
void AgentTransport::AskToCancel(const std::string& tell_id) {
  const PendingCancel* const cancel = FindCancel(tell_id);
  if (cancel != nullptr && !IsHere(*cancel)) return;
  const std::shared_ptr<CancelCall> call = CancelCall::Make(
      loop_, calls_, absl::Now() + kCancelDeadline,
      [this, alive = alive_, tell_id, life = life_.get()](CancelCall&, const grpc::Status& status) {
        if (!*alive) return;
        const absl::Status answer = FromHost(status, "cancelling a message");
        // It knows no such message.
        if (answer.ok() || KindOf(answer) == v1::FAILURE_BAD_REQUEST) return CancelIsHeard(tell_id);
        LogWarn("cancelling tell ", tell_id, ": ", answer.message());
        // Somebody else has the session: only another contact may change that.
        if (KindOf(answer) == v1::FAILURE_PERMISSION_DENIED) return;
        loop_.After(kCancelAgain, [this, alive, tell_id, life] {
          if (!*alive || life_.get() != life || attach_ == nullptr) return;
          if (FindCancel(tell_id) != nullptr) AskToCancel(tell_id);
        });
      });
  call->request.set_session_id(key_.session_id);
  call->request.set_epoch(epoch_);
  call->request.set_tell_id(tell_id);
  life_->stub->async()->CancelTell(&call->context, &call->request, &call->response, call->Done());
}

void AgentTransport::CancelIsHeard(const std::string& tell_id) {
  const std::string id = tell_id;  // It may be of what goes.
  const size_t gone =
      std::erase_if(cancels_, [&id](const PendingCancel& cancel) { return cancel.tell_id == id; });
  if (gone == 0) return;
  const std::shared_ptr<bool> alive = alive_;
  sink_.OnCancelHeard(id);
  if (*alive) LetGoAfterCancels();
}

// Attached; nothing was opened. True: nothing is to be. What the host would start a child with may
// be settings that an earlier coordinator knew.
bool AgentTransport::OnAttachedToCancel() {
  const bool nothing_else = tells_.empty() && !spawning_;
  only_cancels_ = nothing_else;
  for (const PendingCancel& cancel : cancels_) AskToCancel(cancel.tell_id);
  LetGoAfterCancels();
  return nothing_else;
}

void AgentTransport::LetGoAfterCancels() {
  const bool any_here =
      absl::c_any_of(cancels_, [this](const PendingCancel& cancel) { return IsHere(cancel); });
  if (!only_cancels_ || any_here) return;
  const std::shared_ptr<bool> alive = alive_;
  if (!std::exchange(requests_, {}).empty()) sink_.OnRequests(requests_);
  if (!*alive) return;
  LetGo();
  TellDown(MakeFailure(v1::FAILURE_DROPPED, "nobody needs the host any more"));
}

void AgentTransport::OpenAfterCancels() {
  only_cancels_ = false;
  state_ = State::kOpening;
  Open();
}

}  // namespace iris
