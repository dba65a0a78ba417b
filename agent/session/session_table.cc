#include "agent/session/session_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/failure/failure.h"

namespace iris {

SessionTable::SessionTable(EventLoop& loop, AgentIdentity identity)
    : loop_(loop), identity_(std::move(identity)) {}

SessionTable::~SessionTable() = default;

absl::StatusOr<uint64_t> SessionTable::Acquire(const v1::AcquireRequest& request) {
  if (!IsUuid(request.session_id()) || !IsUuid(request.coordinator_id())) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST, "session and coordinator ids must be UUIDs");
  }
  if (const auto known = sessions_.find(request.session_id()); known != sessions_.end()) {
    return known->second->Acquire(request);
  }
  if (sessions_.size() >= kSessionsMax) {
    return MakeFailure(v1::FAILURE_BUSY_LIMIT,
                       absl::StrCat("the agent on ", identity_.hostname, " holds ",
                                    sessions_.size(), " sessions already"));
  }
  auto session = std::make_unique<Session>(loop_, identity_, request.session_id());
  absl::StatusOr<uint64_t> epoch = session->Acquire(request);
  if (epoch.ok()) sessions_[request.session_id()] = std::move(session);
  return epoch;
}

absl::StatusOr<Session*> SessionTable::Find(const std::string& session_id, uint64_t epoch) {
  const auto found = sessions_.find(session_id);
  if (found == sessions_.end()) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("the agent on ", identity_.hostname, " holds no session ",
                                    session_id.substr(0, 64)));
  }
  const absl::Status leased = found->second->CheckEpoch(epoch);
  if (!leased.ok()) return leased;
  return found->second.get();
}

v1::ListResponse SessionTable::List() const {
  v1::ListResponse response;
  for (const auto& [id, session] : sessions_) *response.add_sessions() = session->Info();
  return response;
}

void SessionTable::CloseAll(absl::AnyInvocable<void(size_t)> done) {
  struct Waiting {
    size_t left = 1;  // One for this call itself.
    size_t ended = 0;
    absl::AnyInvocable<void(size_t)> done;
    void OneDone(bool was_running) {
      if (was_running) ++ended;
      if (--left == 0) done(ended);
    }
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->done = std::move(done);
  for (const auto& [id, session] : sessions_) {
    ++waiting->left;
    session->Close(absl::ZeroDuration(),
                   [waiting](bool was_running) { waiting->OneDone(was_running); });
  }
  waiting->OneDone(false);
}

size_t SessionTable::running_children() const {
  size_t count = 0;
  for (const auto& [id, session] : sessions_) count += session->has_child() ? 1 : 0;
  return count;
}

bool SessionTable::idle() const {
  for (const auto& [id, session] : sessions_) {
    if (session->active()) return false;
  }
  return true;
}

}  // namespace iris
