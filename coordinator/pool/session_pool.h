#ifndef IRIS_COORDINATOR_POOL_SESSION_POOL_H_
#define IRIS_COORDINATOR_POOL_SESSION_POOL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/alive_flag.h"
#include "common/loop/event_loop.h"
#include "coordinator/config/config.h"
#include "coordinator/pool/known_hosts.h"
#include "coordinator/pool/pooled_session.h"
#include "coordinator/pool/session_listener.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"
#include "coordinator/transport/transport_factory.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The sessions that this life of the coordinator has used, one for every pair of caller and team,
// and the limit on how many of them have a child at a time:
//
//   Admit() ──▶ room, or already has its child ──▶ yes
//          └──▶ line ── a child was put to sleep, or ended by itself ──▶ OnRoom(), longest first
//
// While somebody is in the line, the session that was used longest ago and is idle is put to sleep;
// a busy one never. One that has more to do gives way to the line between two tells. Children that
// an earlier life of the coordinator left, and those behind a lost link, busy or not, are not
// counted until they are used again: for as long as it takes those that are busy then may be more
// than the limit. Nor is a session counted that only waits for its host
// (PooledSession::Withdraw()). Once the host is there it stands in the line as everybody does.
//
// Lives on the coordinator's loop.
class SessionPool {
 public:
  // All four outlive the pool.
  SessionPool(EventLoop& loop, StoreQueue& store, TransportFactory& factory,
              SessionListener& listener);
  ~SessionPool();

  // The session of `from` with `team`; the first use makes it, in the store too. Connects to
  // nothing. Where the team's settings have changed since, an idle session takes them over, once
  // its child has been put to sleep; a busy one keeps the old ones until
  // PooledSession::UseSettings() is called, for the asker of its tell or before its next one. Valid
  // as long as the pool.
  // Not to be called from a sink. FAILURE_STORAGE.
  absl::StatusOr<PooledSession*> GetOrCreate(const std::string& from, const Team& team);

  // Ends contact with every session; their children are left alone. Only the destructor and
  // Describe() may follow.
  void Clear();

  // settings.maxProcesses. Lowered, what is idle beyond it is put to sleep.
  void SetProcessesMax(size_t processes_max);

  // Whether the session may start or use its child now; true is used at once, by Tell() or Wake(),
  // and counts as its last use. False: it is in the line, and OnRoom() follows unless LeaveLine()
  // is called. Not to be called from a sink, nor from a listener but OnRoom().
  bool Admit(PooledSession& session);
  void LeaveLine(const std::string& session_id);
  bool InLine(const std::string& session_id) const;

  // For people who wait in the line.
  size_t processes_max() const { return processes_max_; }
  size_t processes_busy() const;  // Those that cannot be put to sleep.

  // The sessions that the store has, with what is known of those in the pool.
  std::vector<v1::SessionStatus> Describe(const std::vector<StoredSession>& stored) const;

 private:
  struct Entry {
    std::unique_ptr<PooledSession> session;
    uint64_t last_use = 0;  // In the order of uses.
  };

  size_t processes() const;
  size_t ending() const;
  v1::SessionStatus FromStore(const StoredSession& stored) const;
  // Posts MakeRoom(): what changes a session may be inside a call of its transport.
  void PostMakeRoom();
  void MakeRoom();
  void PutToSleepForLine();

  EventLoop& loop_;
  StoreQueue& store_;
  TransportFactory& factory_;
  KnownHosts known_hosts_;
  SessionListener& listener_;
  size_t processes_max_;
  std::map<std::string, Entry> by_id_;
  std::map<std::pair<std::string, std::string>, std::string> ids_;  // By caller and team.
  std::deque<std::string> line_;  // Session ids, the one that waits longest first.
  uint64_t uses_ = 0;
  bool posted_ = false;
  AliveFlag alive_;  // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_POOL_SESSION_POOL_H_
