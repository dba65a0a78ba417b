#ifndef IRIS_COORDINATOR_TRANSPORT_CANCELLED_TELLS_H_
#define IRIS_COORDINATOR_TRANSPORT_CANCELLED_TELLS_H_

#include <functional>
#include <string>

#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/transport/child_report.h"
#include "coordinator/transport/pending_tells.h"
#include "coordinator/transport/session_contact.h"
#include "coordinator/transport/tell_cancels.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/turn_relay.h"

namespace iris {

// The tells of a session that somebody cancelled. How one ends comes down the stream, for which its
// host is only asked; while the host is out of reach one ends at once, and the host is asked later.
// Where nothing but that is left to do, the host is let go of. Lives on the loop.
class CancelledTells {
 public:
  CancelledTells(EventLoop& loop, SessionContact& contact, PendingTells& tells, TurnRelay& turns,
                 ChildReport& child, TransportSink& sink);
  CancelledTells(const CancelledTells&) = delete;
  CancelledTells& operator=(const CancelledTells&) = delete;

  // No host is to hear of any.
  bool empty() const { return cancels_.empty(); }

  // As Transport has them.
  void Cancel(const std::string& tell_id);
  void PassOn(const std::string& tell_id, const std::string& host);

  // The host is out of reach: whoever cancelled does not wait for it. False: a sink destroyed this.
  bool SettleAll();
  // The stream is open: its host hears of all.
  void AskAll();
  // The stream says how a tell has ended.
  void OnSettled(const std::string& tell_id) { cancels_.OnHeard(tell_id); }

 private:
  void CancelHere(const std::string& tell_id);
  void OnHeard(const std::string& tell_id);
  void LetGoIfAllHeard();
  bool IsOnStream(const PendingTell& tell) {
    return tell.on_stream && contact_.calls().stream() != nullptr;
  }
  // Runs `task` on the loop unless this is gone by then.
  void Later(std::function<void()> task);

  EventLoop& loop_;
  SessionContact& contact_;
  PendingTells& tells_;
  TurnRelay& turns_;
  ChildReport& child_;
  TransportSink& sink_;
  TellCancels cancels_;
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_CANCELLED_TELLS_H_
