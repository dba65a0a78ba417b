#ifndef IRIS_COORDINATOR_ORCHESTRATOR_SESSION_LINES_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_SESSION_LINES_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/orchestrator/host_cancels.h"
#include "coordinator/orchestrator/live_teams.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/sent_tells.h"
#include "coordinator/orchestrator/session_line.h"
#include "coordinator/orchestrator/session_sink.h"
#include "coordinator/orchestrator/settling.h"
#include "coordinator/orchestrator/tell_limits.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/pool/pooled_session.h"
#include "coordinator/pool/session_listener.h"
#include "coordinator/pool/session_pool.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/transport_factory.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The sessions that this life has used, each with its line, and the pool that limits how many of
// them have a process. A line stays as long as this. Lives on the coordinator's loop.
class SessionLines final : private SessionListener {
 public:
  struct Parts {
    EventLoop& loop;
    StoreQueue& store;
    TransportFactory& factory;
    OpenTells& tells;
    const WaylessTells& wayless;
    Settling& settling;
    HostCancels& cancels;
    SentTells& sent;
    LiveTeams& teams;
    const TellLimits& limits;
  };
  // All outlive this.
  explicit SessionLines(const Parts& parts);
  SessionLines(const SessionLines&) = delete;
  SessionLines& operator=(const SessionLines&) = delete;

  // The line of `from` with the team, whose session the pool makes if it is not there. As
  // SessionPool::GetOrCreate().
  absl::StatusOr<SessionLine*> GetOrCreate(const std::string& from, const Team& team);
  // Null: this life has not used the session.
  SessionLine* Find(const std::string& session_id);
  const SessionLine* Find(const std::string& session_id) const;
  void ForEach(absl::FunctionRef<void(const SessionLine& line)> what) const;
  std::vector<PooledSession*> Sessions() const;
  // The session's tell that is in flight; empty: none is, or there is no such session.
  std::string InFlightOf(const std::string& session_id) const;

  // settings.maxProcesses.
  void SetProcessesMax(size_t processes_max) { pool_.SetProcessesMax(processes_max); }
  size_t processes_max() const { return pool_.processes_max(); }
  // It waits for a process no more.
  void LeaveProcessLine(const std::string& session_id) { pool_.LeaveLine(session_id); }

  // The team whose claude has a session, in any life of the coordinator; empty: not known.
  std::string TeamOf(absl::string_view session_id) const;
  // Of a session of an earlier life.
  void NoteTeam(const std::string& session_id, const std::string& to) { teams_[session_id] = to; }
  // The sessions that the store has, with what is known here.
  std::vector<v1::SessionStatus> Describe(const std::vector<StoredSession>& stored) const;

  // As SessionLine, of all.
  void EndOverdue();
  // As Settling, of all that is in them.
  void StopForGood();
  // The end of this life: the lines are empty, and who wakes a session hears `why`.
  void Leave(const absl::Status& why);
  // Behind it: contact with every session ends.
  void EndContact() { pool_.Clear(); }

 private:
  struct Entry {
    Entry(const SessionLine::Parts& parts, PooledSession& session, SentTells& sent)
        : line(parts, session), sink(session, line, sent, parts.settling, parts.cancels) {}
    SessionLine line;
    SessionSink sink;
  };

  TransportSink& SinkFor(PooledSession& session) override;
  void OnRoom(const std::string& session_id) override;

  const SessionLine::Parts parts_;
  SentTells& sent_;
  std::map<std::string, std::unique_ptr<Entry>> by_id_;  // By session_id.
  std::map<std::string, std::string> teams_;             // Of all sessions there are, likewise.
  SessionPool pool_;                                     // Last: its sessions call the sinks.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_SESSION_LINES_H_
