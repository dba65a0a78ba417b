#ifndef IRIS_COORDINATOR_ORCHESTRATOR_SESSION_LINE_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_SESSION_LINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/alive_flag.h"
#include "common/environment/environment.h"
#include "common/loop/event_loop.h"
#include "coordinator/kept/read_mark.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/host_cancels.h"
#include "coordinator/orchestrator/line_host_wait.h"
#include "coordinator/orchestrator/line_order.h"
#include "coordinator/orchestrator/line_places.h"
#include "coordinator/orchestrator/line_settings.h"
#include "coordinator/orchestrator/live_teams.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/session_wakes.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/orchestrator/team_trouble.h"
#include "coordinator/orchestrator/tell_limits.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/pool/pooled_session.h"
#include "coordinator/pool/session_pool.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"
#include "coordinator/transport/host_away.h"
#include "coordinator/transport/transport.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The line of one session: its tells in their order, of which one is in flight, and who wakes it.
// Starts the next when the one before is settled, once the pool has a process for it, and says to
// those who wait where they stand.
//
//   PushBack(), TakeUp() ──▶ [ waiting | waiting ] ── StartNext() ──▶ in flight ──▶ OnSettled()
//                               ▲    └── CancelQueued() ──▶ over         └─ again ─┐
//                               └──────────────────────────────────────────────────┘
//
// The first waits, and the others behind it: for a process; for its host, where that is away
// (LineHostWait); for a limit of the team's account; for somebody who asks for it, where an earlier
// life took it; for the end of what another way has got; for the store.
//
// Lives on the coordinator's loop. Whoever hears of progress may call any method.
class SessionLine {
 public:
  struct Parts {
    EventLoop& loop;
    StoreQueue& store;
    SessionPool& pool;
    OpenTells& tells;
    const WaylessTells& wayless;
    Settling& settling;
    HostCancels& cancels;
    LiveTeams& teams;
    const TellLimits& limits;
  };
  // All outlive this. So does the session, until Leave().
  SessionLine(const Parts& parts, PooledSession& session);
  SessionLine(const SessionLine&) = delete;
  SessionLine& operator=(const SessionLine&) = delete;

  const std::string& session_id() const { return session_id_; }
  // Not once this has left.
  PooledSession& session() const { return *session_; }
  const LineOrder& order() const { return order_; }
  SessionWakes& wakes() { return wakes_; }
  // How many are not answered yet, with those that another way has got.
  size_t open() const { return order_.size() + places_.GivenElsewhere(); }
  bool LacksVariables(const AcceptedTell& tell) const { return settings_.LacksVariables(tell); }

  // A tell that is added now goes to the child that answers.
  bool TakesAtOnce() const;
  // Behind all others. PostStartNext() is to be called.
  void PushBack(const std::string& tell_id) { order_.PushBack(tell_id); }
  // The same, of one that an earlier life has stored: in flight, where that had given it and
  // nothing else is. Starts it.
  void TakeUp(StoredTell stored);

  // Not at once: a caller of Tell() must not hear of the end from inside, and a transport that
  // reports the end of one tell must not be handed the next one from inside.
  void PostStartNext();
  // The pool has room for the session.
  void OnRoom();
  // Somebody has come: what is in flight may wait for a link that somebody has mended.
  void TryNow();
  // The tell, which is of this line, is lent that, and its host is tried with it if it is its turn.
  void Lend(AcceptedTell& tell, const SharedEnvironment& environment, bool by_sender);

  // Ends the tell, which is not in flight. If its host may have it that hears of it.
  void CancelQueued(const std::string& tell_id);
  // Asks the host to end it.
  void CancelInFlight(const AcceptedTell& tell);
  // All that wait, for whoever ends them. LetGoOfWaits() is to be called.
  std::deque<std::string> TakeWaiting() { return order_.TakeWaiting(); }
  // Where nothing waits any more neither a process nor the host is kept for it.
  void LetGoOfWaits();
  // What has waited for too long ends where no attempt comes that would say so: what waits for keys
  // is not tried, and what waits for variables has no host to be tried.
  void EndOverdue();

  // Of its transport, which its session has heard already.
  void OnProgress(const TransportProgress& progress);
  void OnReady(int64_t child_pid);
  void OnDown(const absl::Status& why);
  void OnHostAway(const HostAway& away);
  void OnHostBack();
  // Of Settling.
  void OnMarkStored(const ReadMark& mark);
  void OnSentAgain(AcceptedTell& tell);
  void OnSettled(const AcceptedTell& tell);

  void Describe(v1::SessionStatus& status) const;
  // The end of this life: nothing is in the line any more, and who wakes the session hears `why`.
  void Leave(const absl::Status& why);
  bool has_left() const { return session_ == nullptr; }

 private:
  void StartNext();
  // What waits for the session goes to it, which has or gets its process.
  void StartWhatWaits();
  absl::Status Start(const std::string& tell_id);
  absl::StatusOr<std::string> TextOf(AcceptedTell& tell);
  void StartAgainSoon(const absl::Status& why);
  void WaitForLimit(absl::Time not_before);
  void PostTryNow();
  void UseOfAway(const HostAway& away);
  // To those for which what was lent so far did not serve.
  void LendWhatIsNext();
  absl::Status EndIfOverdue(const std::string& tell_id) const;

  const Parts parts_;
  const std::string session_id_;
  PooledSession* session_;  // Null: this has left.
  LineOrder order_;
  SessionWakes wakes_;
  LineSettings settings_;
  LineHostWait host_;
  LinePlaces places_;
  TeamTrouble trouble_;
  v1::TurnAccount last_turn_;     // Of its last tell that was settled.
  bool starts_again_ = false;     // The store did not let the next tell start; a timer runs.
  bool waits_for_limit_ = false;  // The next tell does; a timer runs.
  AliveFlag alive_;               // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_SESSION_LINE_H_
