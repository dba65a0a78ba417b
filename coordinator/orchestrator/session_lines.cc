#include "coordinator/orchestrator/session_lines.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/base/utf8.h"
#include "common/log/check.h"

namespace iris {
namespace {

constexpr size_t kInputBytesShown = 4 << 10;
constexpr size_t kInputsBytesMax = 256 << 10;  // In one status.
constexpr size_t kNamesBytesMax = 256 << 10;   // Of variables, likewise.

void CutInput(v1::PendingPermission& permission, size_t& room) {
  const absl::string_view all = permission.input();
  std::string shown(Utf8Prefix(all, std::min(kInputBytesShown, room)));
  room -= std::min(room, shown.size());
  permission.set_input(std::move(shown));
}

void CutNames(v1::SessionStatus& status, size_t& room) {
  for (int i = 0; i < status.env_names_size(); ++i) {
    const size_t bytes = status.env_names(i).size();
    if (bytes > room) {
      status.mutable_env_names()->DeleteSubrange(i, status.env_names_size() - i);
      return;
    }
    room -= bytes;
  }
}

}  // namespace

SessionLines::SessionLines(const Parts& parts)
    : parts_{parts.loop,     parts.store,   pool_,       parts.tells, parts.wayless,
             parts.settling, parts.cancels, parts.teams, parts.limits},
      sent_(parts.sent),
      pool_(parts.loop, parts.store, parts.factory, *this) {}

TransportSink& SessionLines::SinkFor(PooledSession& session) {
  std::unique_ptr<Entry>& entry = by_id_[session.session_id()];
  Check(entry == nullptr, "a session is made twice");
  entry = std::make_unique<Entry>(parts_, session, sent_);
  return entry->sink;
}

absl::StatusOr<SessionLine*> SessionLines::GetOrCreate(const std::string& from, const Team& team) {
  const absl::StatusOr<PooledSession*> session = pool_.GetOrCreate(from, team);
  if (!session.ok()) return session.status();
  teams_[(*session)->session_id()] = team.name;
  return Find((*session)->session_id());
}

SessionLine* SessionLines::Find(const std::string& session_id) {
  const auto found = by_id_.find(session_id);
  return found == by_id_.end() ? nullptr : &found->second->line;
}

const SessionLine* SessionLines::Find(const std::string& session_id) const {
  const auto found = by_id_.find(session_id);
  return found == by_id_.end() ? nullptr : &found->second->line;
}

void SessionLines::ForEach(absl::FunctionRef<void(const SessionLine& line)> what) const {
  for (const auto& [session_id, entry] : by_id_) what(entry->line);
}

std::vector<PooledSession*> SessionLines::Sessions() const {
  std::vector<PooledSession*> sessions;
  ForEach([&](const SessionLine& line) {
    if (!line.has_left()) sessions.push_back(&line.session());
  });
  return sessions;
}

std::string SessionLines::InFlightOf(const std::string& session_id) const {
  const SessionLine* const line = Find(session_id);
  return line == nullptr ? "" : line->order().in_flight();
}

std::string SessionLines::TeamOf(absl::string_view session_id) const {
  const auto team = teams_.find(std::string(session_id));
  return team == teams_.end() ? "" : team->second;
}

void SessionLines::OnRoom(const std::string& session_id) { by_id_.at(session_id)->line.OnRoom(); }

std::vector<v1::SessionStatus> SessionLines::Describe(
    const std::vector<StoredSession>& stored) const {
  std::vector<v1::SessionStatus> statuses = pool_.Describe(stored);
  size_t input_room = kInputsBytesMax;
  size_t name_room = kNamesBytesMax;
  for (v1::SessionStatus& status : statuses) {
    for (v1::PendingPermission& permission : *status.mutable_permissions()) {
      permission.set_tell_id(parts_.tells.TellOf(permission.tell_id()));
      CutInput(permission, input_room);
    }
    CutNames(status, name_room);
    if (const SessionLine* const line = Find(status.session_id()); line != nullptr) {
      line->Describe(status);
    }
  }
  return statuses;
}

void SessionLines::EndOverdue() {
  for (const auto& [session_id, entry] : by_id_) entry->line.EndOverdue();
}

void SessionLines::StopForGood() {
  for (const auto& [session_id, entry] : by_id_) {
    const LineOrder& order = entry->line.order();
    if (order.is_busy()) parts_.settling.StopForGood(order.in_flight());
    for (const std::string& waiting : order.waiting()) parts_.settling.StopForGood(waiting);
  }
}

void SessionLines::Leave(const absl::Status& why) {
  for (const auto& [session_id, entry] : by_id_) entry->line.Leave(why);
}

}  // namespace iris
