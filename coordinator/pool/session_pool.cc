#include "coordinator/pool/session_pool.h"

#include <utility>

namespace iris {
namespace {

// What the store alone can say. A session that spoke in an earlier life of the coordinator may
// still have its child: nobody has asked the host yet.
v1::SessionStatus FromStore(const StoredSession& stored) {
  v1::SessionStatus status;
  status.set_session_id(stored.session_id);
  status.set_from(stored.from);
  status.set_to(stored.to);
  status.set_state(stored.message_count == 0 ? "stopped" : "unverifiable");
  status.set_tells_done(stored.message_count);
  status.set_created_at_ms(absl::ToUnixMillis(stored.created_at));
  if (stored.last_used_at > absl::InfinitePast()) {
    status.set_last_used_at_ms(absl::ToUnixMillis(stored.last_used_at));
  }
  return status;
}

}  // namespace

absl::StatusOr<PooledSession*> SessionPool::GetOrCreate(const std::string& from, const Team& team) {
  absl::StatusOr<StoredSession> stored = store_.GetOrCreateSession(from, team.name);
  if (!stored.ok()) return stored.status();
  std::unique_ptr<PooledSession>& session = by_id_[stored->session_id];
  if (session != nullptr && (session->busy() || session->team() == team)) return session.get();
  session.reset();  // Never two transports to one session.
  session = std::make_unique<PooledSession>(
      factory_, team, SessionKey{.session_id = stored->session_id, .from = from, .to = team.name},
      listener_);
  return session.get();
}

absl::StatusOr<std::vector<v1::SessionStatus>> SessionPool::Status() const {
  absl::StatusOr<std::vector<StoredSession>> stored = store_.Sessions();
  if (!stored.ok()) return stored.status();
  std::vector<v1::SessionStatus> statuses;
  for (const StoredSession& session : *stored) {
    v1::SessionStatus& status = statuses.emplace_back(FromStore(session));
    const auto pooled = by_id_.find(session.session_id);
    if (pooled != by_id_.end()) pooled->second->Describe(status);
  }
  return statuses;
}

}  // namespace iris
