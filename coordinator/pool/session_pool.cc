#include "coordinator/pool/session_pool.h"

#include <algorithm>
#include <utility>

#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"

namespace iris {

SessionPool::SessionPool(EventLoop& loop, StoreQueue& store, TransportFactory& factory,
                         SessionListener& listener)
    : loop_(loop),
      store_(store),
      factory_(factory),
      known_hosts_(store),
      listener_(listener),
      processes_max_(Settings().max_processes) {}

SessionPool::~SessionPool() = default;

absl::StatusOr<PooledSession*> SessionPool::GetOrCreate(const std::string& from, const Team& team) {
  // Which session a pair has never changes.
  if (const auto pair = ids_.find({from, team.name}); pair != ids_.end()) {
    PooledSession& session = *by_id_.at(pair->second).session;
    // What is under way, or waits, is somebody else's, for whom the team may be another one.
    if (!session.busy() && !session.awaits_host()) session.UseSettings(team);
    return &session;
  }
  const absl::StatusOr<StoredSession> stored = store_.GetOrCreateSession(from, team.name);
  if (!stored.ok()) return stored.status();
  const absl::StatusOr<ReadMark> after = store_.FindMark(stored->session_id);
  if (!after.ok()) return after.status();
  ids_[{from, team.name}] = stored->session_id;
  Entry& entry = by_id_[stored->session_id];
  entry.session = std::make_unique<PooledSession>(
      factory_, team, SessionKey{.session_id = stored->session_id, .from = from, .to = team.name},
      *after, /*may_live=*/!stored->is_new, known_hosts_, listener_, [this] { PostMakeRoom(); });
  return entry.session.get();
}

void SessionPool::Clear() {
  line_.clear();
  ids_.clear();
  by_id_.clear();
}

void SessionPool::SetProcessesMax(size_t processes_max) {
  if (std::exchange(processes_max_, processes_max) != processes_max) PostMakeRoom();
}

bool SessionPool::Admit(PooledSession& session) {
  Check(by_id_.count(session.session_id()) > 0, "a session is admitted that the pool has not");
  if (InLine(session.session_id())) return false;
  // One that is busy out of reach has what it needs: its host to come back.
  const bool has_room =
      session.busy() || session.has_process() || (line_.empty() && processes() < processes_max_);
  if (has_room && !session.ending()) {
    by_id_[session.session_id()].last_use = ++uses_;
    return true;
  }
  line_.push_back(session.session_id());
  PutToSleepForLine();
  return false;
}

void SessionPool::LeaveLine(const std::string& session_id) {
  line_.erase(std::remove(line_.begin(), line_.end(), session_id), line_.end());
}

bool SessionPool::InLine(const std::string& session_id) const {
  return std::find(line_.begin(), line_.end(), session_id) != line_.end();
}

size_t SessionPool::processes() const {
  return std::count_if(by_id_.begin(), by_id_.end(),
                       [](const auto& entry) { return entry.second.session->has_process(); });
}

size_t SessionPool::ending() const {
  return std::count_if(by_id_.begin(), by_id_.end(),
                       [](const auto& entry) { return entry.second.session->ending(); });
}

size_t SessionPool::processes_busy() const {
  return std::count_if(by_id_.begin(), by_id_.end(), [](const auto& entry) {
    const PooledSession& session = *entry.second.session;
    return session.has_process() && !session.ending() && !session.idle();
  });
}

void SessionPool::PostMakeRoom() {
  if (std::exchange(posted_, true)) return;
  loop_.Post([this, alive = alive_.Watch()] {
    if (!alive) return;
    posted_ = false;
    MakeRoom();
  });
}

void SessionPool::MakeRoom() {
  while (processes() < processes_max_) {
    // One that is being ended can begin again only when it has.
    const auto next = std::find_if(line_.begin(), line_.end(), [this](const std::string& id) {
      return !by_id_.at(id).session->ending();
    });
    if (next == line_.end()) break;
    const std::string session_id = *next;
    line_.erase(next);
    by_id_.at(session_id).last_use = ++uses_;
    listener_.OnRoom(session_id);
  }
  PutToSleepForLine();
}

// As many idle ones as the line needs, less those that are about to end anyway.
void SessionPool::PutToSleepForLine() {
  while (line_.size() + processes() > processes_max_ + ending()) {
    PooledSession* longest_ago = nullptr;
    uint64_t its_use = 0;
    for (auto& [session_id, entry] : by_id_) {
      if (!entry.session->idle()) continue;
      if (longest_ago != nullptr && entry.last_use >= its_use) continue;
      longest_ago = entry.session.get();
      its_use = entry.last_use;
    }
    if (longest_ago == nullptr) return;
    longest_ago->Sleep([](const absl::StatusOr<bool>& was_running) {
      if (!was_running.ok())
        LogWarn("putting a session to sleep: ", was_running.status().message());
    });
  }
}

// What the store alone can say of a session that nobody has used in this life of the coordinator.
// It may still have its child: nobody has asked the host yet.
v1::SessionStatus SessionPool::FromStore(const StoredSession& stored) const {
  v1::SessionStatus status;
  status.set_session_id(stored.session_id);
  status.set_from(stored.from);
  status.set_to(stored.to);
  status.set_state(v1::SessionStatus::UNVERIFIABLE);
  status.set_tells_done(stored.message_count);
  status.set_created_at_ms(absl::ToUnixMillis(stored.created_at));
  if (stored.last_used_at > absl::InfinitePast()) {
    status.set_last_used_at_ms(absl::ToUnixMillis(stored.last_used_at));
  }
  return status;
}

std::vector<v1::SessionStatus> SessionPool::Describe(
    const std::vector<StoredSession>& stored) const {
  std::vector<v1::SessionStatus> statuses;
  for (const StoredSession& session : stored) {
    v1::SessionStatus& status = statuses.emplace_back(FromStore(session));
    const auto pooled = by_id_.find(session.session_id);
    if (pooled == by_id_.end()) continue;
    pooled->second.session->Describe(status);
    if (InLine(session.session_id)) status.set_state(v1::SessionStatus::WAITING);
  }
  return statuses;
}

}  // namespace iris
