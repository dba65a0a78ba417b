#ifndef IRIS_AGENT_SESSION_SESSION_TABLE_H_
#define IRIS_AGENT_SESSION_SESSION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/handover/handover.pb.h"
#include "agent/inventory/session_context.h"
#include "agent/journal/journal.h"
#include "agent/journal/journal_sync.h"
#include "agent/process/child.h"
#include "agent/process/strays.h"
#include "agent/process/survivor.h"
#include "agent/session/host_age.h"
#include "agent/session/loop_timer.h"
#include "agent/session/retention.h"
#include "agent/session/saved_session.pb.h"
#include "agent/session/session.h"
#include "agent/session/session_rest.h"
#include "agent/session/unopened_sessions.h"
#include "common/base/age_clock.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Limits, and what sessions have of the machine: a simulation has its own.
struct SessionTableOptions {
  size_t sessions_max = 4096;
  size_t journal_quota_bytes = JournalSync::kQuotaBytes;  // Of all sessions together.
  Journal::Limits journal;
  std::function<absl::Time()> now = absl::Now;
  AgeClock::Monotonic monotonic = MonotonicNow;
  absl::Duration house_every = absl::Hours(24);
  absl::Duration note_rest_every = absl::Seconds(30);
  ChildStarter start_child = Child::Start;
  JournalSync::Sync sync;  // Unset: a thread and the kernel.
  std::function<std::map<std::string, ProcessId>()> find_keepers = FindKeepers;
  StrayKiller kill_strays = KillStrays;
};

// The sessions of this agent, by session id, and the house that is kept for them: at the start, and
// once a day. What nobody used for long goes, by the host's age (HostAge); claude's transcripts
// stay. Lives on the process loop.
//
//   on the disk ──▶ unopened ── somebody asks, or it is too old ──▶ open ── at rest ──▶ open, noted
//        └─ not noted as resting ────────────────────────────────────▲ └◀── somebody asks ──┘
//
// What rests (nothing runs or is open in it, and all that happened was acknowledged) is noted for
// the next agent, which does not open it before somebody asks (RestNotes). Whatever is done with a
// session is done with its files open: notes only say which need not be read at the start.
class SessionTable {
 public:
  using CloseDone = absl::AnyInvocable<void(size_t sessions_ended)>;

  static constexpr auto& kDamagedInfix = Retention::kDamagedInfix;
  static constexpr absl::Duration kRetention = Retention::kClean;
  static constexpr absl::Duration kUnfetchedRetention = Retention::kUnfetched;
  static constexpr absl::Duration kDamagedRetention = Retention::kDamaged;

  SessionTable(EventLoop& loop, SessionContext context, SessionTableOptions options = {});
  // What still runs is killed without waiting: call CloseAll() first. Notes what rests.
  ~SessionTable();

  // Takes over the sessions that earlier agents left on the disk; before anything else, since it
  // reads all that they left but what rests, and looks for their keepers, before it returns. One
  // that is damaged is put aside (SESSION.damaged) and logged, here or when it is opened. `before`:
  // what HandOver() gave in the program that this process ran before; those sessions' children go
  // on. From then on the house is kept.
  void Load(const google::protobuf::RepeatedPtrField<handover::Session>& before = {});
  // What is too old goes. By itself once a day after Load().
  void KeepHouse();

  // "" if all sessions could go on in another program of this process now; else which cannot, and
  // why, for people.
  std::string WhyNoHandover() const;
  // Before HandOver(): nothing is kept any more for readers of earlier leases.
  void ForgetFencedReaders();
  // For Load() in that program.
  google::protobuf::RepeatedPtrField<handover::Session> HandOver() const;

  // Grants the lease on a session, which exists from then on.
  // FAILURE_BAD_REQUEST: an id that is not a UUID. FAILURE_PERMISSION_DENIED: held by another
  // coordinator. FAILURE_BUSY_LIMIT: sessions_max sessions, all of them in use or with news: else
  // the one that nobody used for the longest time makes room. FAILURE_STORAGE: no room for another.
  absl::StatusOr<uint64_t> Acquire(const v1::AcquireRequest& request);

  // The session, valid until the loop goes on; with a reader, as long as that. FAILURE_BAD_REQUEST:
  // none such here; acquire it. FAILURE_PERMISSION_DENIED: `epoch` is not the one in force.
  absl::StatusOr<Session*> Find(const std::string& session_id, uint64_t epoch);

  // By session id.
  v1::ListResponse List() const;
  // All but the builds. From memory, but for what the disk has left.
  v1::HostHoldings Holdings() const;

  // Before the agent leaves: ends every child; `done` runs when no descendant is left, with how
  // many ran.
  void CloseAll(CloseDone done);
  // The same of the sessions that this coordinator holds, for an agent that stays.
  void CloseOf(const std::string& coordinator_id, CloseDone done);

  // Messages that are open in sessions which other coordinators hold.
  struct OthersTells {
    size_t count = 0;
    std::string whose;  // For people: "2 of team gpu (me@laptop), 1 of team web (you@desk)".
  };
  OthersTells TellsOfOthers(const std::string& coordinator_id) const;

  // Sets sessions_active and active_teams.
  void Count(v1::Hello& hello) const;
  size_t running_children() const;
  // Sessions whose files are open.
  size_t open_count() const { return sessions_.size(); }
  // No child runs, none of an earlier agent is waited for, and no tell is open.
  bool idle() const;
  // Some reader has not acknowledged all that happened.
  bool has_unacknowledged() const;

 private:
  absl::StatusOr<std::unique_ptr<Session>> OpenSession(const std::string& session_id);
  // It is in the table as any other then. FAILURE_STORAGE: it stays unopened.
  absl::Status OpenUnopened(const std::string& session_id);
  size_t size() const { return sessions_.size() + unopened_.size(); }
  void Close(const std::vector<Session*>& sessions, CloseDone done);
  void LoadFiles();
  // True if there is room for another session.
  bool MakeRoom();
  // The clean one that was not used for the longest time; "": there is none.
  std::string LongestUnused() const;
  void OpenWhatIsOver();
  Retention::Use UseOf(const Session& session) const;
  Retention::Use UseOf(const saved::Resting& resting) const;
  void Remove(const std::string& session_id);
  void DropClaimsOfUnopened() const;
  void SweepClaimFolders() const;
  void ArmHouse();

  EventLoop& loop_;
  const SessionTableOptions options_;
  HostAge age_;
  const SessionContext context_;
  Retention retention_;
  std::map<std::string, const handover::Session*> before_;  // During Load().
  bool closing_all_ = false;                                // CloseAll() was called.
  LoopTimer house_timer_;
  std::unique_ptr<JournalSync> disk_;  // Outlives the sessions.
  UnopenedSessions unopened_;
  std::map<std::string, ProcessId> stray_keepers_;  // That ran when the agent came.
  std::map<std::string, std::unique_ptr<Session>> sessions_;
  SessionRest rest_;  // Of them.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_TABLE_H_
