#ifndef IRIS_COORDINATOR_TRANSPORT_TELL_CANCELS_H_
#define IRIS_COORDINATOR_TRANSPORT_TELL_CANCELS_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/transport/pending_cancels.h"
#include "coordinator/transport/session_calls.h"

namespace iris {

// Has a session's host hear of the tells that were cancelled: asks it at every contact until it has
// answered. How a tell ends comes down the stream; this only asks for it. Lives on the loop.
class TellCancels {
 public:
  // `on_heard`: its host knows, or has never got it. Never from inside a call, but to OnHeard().
  TellCancels(EventLoop& loop, SessionCalls& calls,
              std::function<void(const std::string&)> on_heard)
      : loop_(loop), calls_(calls), on_heard_(std::move(on_heard)) {}

  bool empty() const { return pending_.empty(); }
  const PendingCancels& pending() const { return pending_; }
  void Add(const std::string& tell_id, const std::string& host) { pending_.Add(tell_id, host); }
  // While there is contact with `host`. One that is to be heard of elsewhere is not asked for.
  void Ask(const std::string& tell_id, const std::string& host);
  void AskAll(const std::string& host);
  // It is settled there.
  void OnHeard(const std::string& tell_id);

 private:
  EventLoop& loop_;
  SessionCalls& calls_;
  const std::function<void(const std::string&)> on_heard_;
  PendingCancels pending_;
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TELL_CANCELS_H_
