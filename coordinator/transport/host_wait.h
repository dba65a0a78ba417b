#ifndef IRIS_COORDINATOR_TRANSPORT_HOST_WAIT_H_
#define IRIS_COORDINATOR_TRANSPORT_HOST_WAIT_H_

#include <functional>
#include <string>
#include <utility>

#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/link_retry.h"
#include "coordinator/transport/pending_tells.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/turn_relay.h"

namespace iris {

// Who waits for a session's host that is out of reach, what they hear of it, and when a way that
// has to be mended is tried again. Knows no link: hears how its attempts go. Lives on the loop.
class HostWait {
 public:
  // `seek`: another attempt is due; never from inside a call to this.
  HostWait(EventLoop& loop, PendingTells& tells, TurnRelay& turns, TransportSink& sink,
           std::function<void()> seek)
      : tells_(tells), turns_(turns), sink_(sink), retry_(loop, std::move(seek)) {}
  HostWait(const HostWait&) = delete;
  HostWait& operator=(const HostWait&) = delete;

  // The link was heard to be down, and not up since.
  bool is_lost() const { return is_lost_; }

  // As Transport::AwaitHost() says: for no tell.
  void Await() { is_awaited_ = true; }
  void StopAwaiting() { is_awaited_ = false; }
  bool is_awaited() const { return is_awaited_; }
  // Of a tell that no host has got, while the host is out of reach: it is awaited in its place.
  // False: there is none of that id, or the host may have it.
  bool TakeBack(const std::string& tell_id);

  // ---- of the link
  void OnSeeking() { is_trying_ = true; }
  // Another environment is lent to it.
  void OnOtherAsker() { asker_is_newer_ = asker_is_newer_ || is_trying_; }
  // It is up. True: the host was awaited, and is no more.
  bool OnUp();
  // An attempt failed, or what was up was lost.
  void OnDown() { is_lost_ = true; }
  // The same, once more is known; adds what is known here. Every tell that does not wait ends.
  // False: a sink destroyed this.
  bool OnAway(HostAway& away);
  // Somebody waits: when it is tried again, where it does not try by itself.
  void TryAgain(const HostAway& away);
  // Somebody waits: says how it stands. False: a sink destroyed this.
  bool Say(const HostAway& away);

  // As Transport has them, while it is out of reach.
  void TryLater() {
    if (!is_trying_) retry_.Later();
  }
  // Somebody may have mended it, and it is tried now.
  void OnTriedNow() { retry_.Reset(); }

  void OnContactEnd() { retry_.Cancel(); }
  // Nobody needs the host, but whoever awaits it.
  void OnLetGo() { is_lost_ = is_trying_ = asker_is_newer_ = false; }

 private:
  PendingTells& tells_;
  TurnRelay& turns_;
  TransportSink& sink_;
  LinkRetry retry_;
  bool is_lost_ = false;
  bool is_awaited_ = false;
  bool is_trying_ = false;       // An attempt may be under way, or comes by itself.
  bool asker_is_newer_ = false;  // As HostAway says, of that attempt.
  AliveFlag alive_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_HOST_WAIT_H_
