#ifndef IRIS_AGENT_SESSION_SESSION_TABLE_H_
#define IRIS_AGENT_SESSION_SESSION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/journal/journal_disk.h"
#include "agent/session/identity.h"
#include "agent/session/session.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// The sessions of this agent, by session id. Lives on the process loop.
class SessionTable {
 public:
  static constexpr size_t kSessionsMax = 4096;
  // A session that nobody used for so long is removed from the disk when an agent starts, if
  // nothing of it is open and all that happened was acknowledged. claude's transcript stays.
  static constexpr absl::Duration kRetention = absl::Hours(30 * 24);

  SessionTable(EventLoop& loop, AgentIdentity identity, size_t sessions_max = kSessionsMax);
  // What still runs is killed without waiting: call CloseAll() first.
  ~SessionTable();

  // Takes over the sessions that earlier agents left on the disk; before anything else. One that is
  // damaged is put aside (SESSION.damaged) and logged.
  void Load();

  // Grants the lease on a session, which exists from then on.
  // FAILURE_BAD_REQUEST: an id that is not a UUID. FAILURE_PERMISSION_DENIED: held by another
  // coordinator. FAILURE_BUSY_LIMIT: kSessionsMax sessions. FAILURE_STORAGE: no room for another.
  absl::StatusOr<uint64_t> Acquire(const v1::AcquireRequest& request);

  // The session, valid as long as the table. FAILURE_BAD_REQUEST: none such here; acquire it.
  // FAILURE_PERMISSION_DENIED: `epoch` is not the one in force.
  absl::StatusOr<Session*> Find(const std::string& session_id, uint64_t epoch);

  v1::ListResponse List() const;

  // Ends every child; `done` runs when no descendant is left, with how many ran.
  void CloseAll(absl::AnyInvocable<void(size_t sessions_ended)> done);

  size_t running_children() const;
  // No child runs, none of an earlier agent is waited for, and no tell is open.
  bool idle() const;
  // Some reader has not acknowledged all that happened.
  bool has_unacknowledged() const;

 private:
  absl::StatusOr<std::unique_ptr<Session>> OpenSession(const std::string& session_id);
  std::string DirOf(const std::string& session_id) const;
  bool IsOver(const std::string& session_id, const Session& session) const;
  void PutAside(const std::string& session_id, const absl::Status& why);

  EventLoop& loop_;
  const AgentIdentity identity_;
  const size_t sessions_max_;
  JournalDisk disk_;                                // Outlives the sessions.
  std::map<std::string, ProcessId> stray_keepers_;  // That ran when the agent came.
  std::map<std::string, std::unique_ptr<Session>> sessions_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_TABLE_H_
