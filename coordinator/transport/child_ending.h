#ifndef IRIS_COORDINATOR_TRANSPORT_CHILD_ENDING_H_
#define IRIS_COORDINATOR_TRANSPORT_CHILD_ENDING_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/transport/child_report.h"
#include "coordinator/transport/pending_tells.h"
#include "coordinator/transport/session_contact.h"
#include "coordinator/transport/session_end.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/turn_relay.h"

namespace iris {

// Ends a session's child on request, wherever it lives: the way there is gone for that, the agent
// is asked, and the stream says how the tells ended. Lives on the loop.
class ChildEnding {
 public:
  // `seek`: the host is to be reached; where it is being tried, at once. `fail`: the way to it is
  // given up, and every tell ends so.
  ChildEnding(EventLoop& loop, SessionContact& contact, PendingTells& tells, TurnRelay& turns,
              ChildReport& child, std::function<void()> seek,
              std::function<void(const absl::Status&)> fail);
  ChildEnding(const ChildEnding&) = delete;
  ChildEnding& operator=(const ChildEnding&) = delete;

  bool asked() const { return end_.asked(); }
  // The agent has answered; of what the stream says nothing is missed where that is lost now.
  bool is_answered() const { return end_.was_running().has_value(); }
  // A Close may still come to the agent, which only a new lease keeps from counting.
  bool may_still_come() const { return end_.may_still_come(); }
  void OnNewLease() { end_.OnNewLease(); }

  // As Transport::Terminate().
  void Ask(Transport::TerminateDone done);
  // There is contact: asks the agent.
  void Close();
  // Something came down the stream.
  void EndIfQuiet();
  // The way to the host is gone while somebody waits. What the host has, or is to hear of
  // (`has_cancels`), stays under way. False: all is over, or a sink destroyed this.
  bool GiveUp(const absl::Status& why, bool has_cancels);

  // In `fail`: what tells end with, where they end because the child was ended; and then, once they
  // have, who waits hears of it. Taken once.
  absl::optional<bool> TakeAnswer() { return end_.TakeAnswer(); }
  absl::Status EndedOnRequest() const;
  void Finish(const absl::optional<bool>& was_running, const absl::Status& why);

 private:
  // `may_overtake`: a call that starts a child is under way.
  void SendClose(bool may_overtake);
  void OnClosed(bool was_running);
  void OnNotClosed(const absl::Status& why);

  EventLoop& loop_;
  SessionContact& contact_;
  PendingTells& tells_;
  TurnRelay& turns_;
  ChildReport& child_;
  const std::function<void()> seek_;
  const std::function<void(const absl::Status&)> fail_;
  SessionEnd end_;
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_CHILD_ENDING_H_
