#ifndef IRIS_COORDINATOR_ORCHESTRATOR_LINE_HOST_WAIT_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_LINE_HOST_WAIT_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/line_order.h"
#include "coordinator/orchestrator/line_settings.h"
#include "coordinator/orchestrator/live_teams.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/orchestrator/tell_limits.h"
#include "coordinator/pool/pooled_session.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/transport/host_away.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// A session's host that is out of reach: what no host has got waits for its own, at the front of
// the line and without a process, and nobody else does.
//
//   none ── OnAway() takes a tell back ──▶ awaited ── End() ──▶ none
//                                          ▲    └── OnAway() ends what does not wait ──┐
//                                          └───────────────────────────────────────────┘
//
// Lives on the coordinator's loop.
class LineHostWait {
 public:
  struct Parts {
    StoreQueue& store;
    OpenTells& tells;
    Settling& settling;
    LiveTeams& teams;
    const TellLimits& limits;
  };
  // All outlive this, or it is not used any more.
  LineHostWait(const Parts& parts, PooledSession& session, LineOrder& order,
               const LineSettings& settings)
      : parts_(parts), session_(session), order_(order), settings_(settings) {}
  LineHostWait(const LineHostWait&) = delete;
  LineHostWait& operator=(const LineHostWait&) = delete;

  // What waits in the line waits for the host, and none is in flight.
  bool awaited() const { return says_.has_value(); }
  // Then: how that goes, for people.
  const v1::TellProgress& progress() const { return *says_; }
  void Say(v1::TellProgress progress) { says_ = std::move(progress); }

  // An attempt to reach the host has failed so. What is in flight is taken back if no host has got
  // it; whoever stands behind a message that waits is not to wait with it unheard. True: the host
  // is to be tried again later.
  bool OnAway(const HostAway& away);
  // How a tell ends that waits for the host, and has for too long where no attempt says so; OK: it
  // does not. Nothing: none waits for it, or no attempt has failed yet.
  absl::optional<absl::Status> EndOf(const AcceptedTell& tell) const;
  // It is back, or nothing waits for it any more.
  void End();

 private:
  void TakeBack();
  void EndWhatDoesNotWait(const HostAway& away);
  LeftMessage Left(const AcceptedTell& tell, const HostAway& away) const;

  const Parts parts_;
  PooledSession& session_;
  LineOrder& order_;
  const LineSettings& settings_;
  absl::optional<v1::TellProgress> says_;
  absl::optional<HostAway> away_;  // How the last attempt has failed.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LINE_HOST_WAIT_H_
