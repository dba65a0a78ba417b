#include "coordinator/orchestrator/wait_cycles.h"

#include <set>

namespace iris {

void WaitCycles::AddSession(const std::string& session_id, Session session) {
  sessions_[session_id] = session;
}

void WaitCycles::AddQuestion(const std::string& asker, const std::string& asked) {
  asked_by_[asker].push_back(asked);
}

WaitCycles::Session WaitCycles::Find(const std::string& session_id) const {
  const auto session = sessions_.find(session_id);
  return session == sessions_.end() ? Session() : session->second;
}

bool WaitCycles::WouldWaitForItself(const std::string& asker, const std::string& asked) const {
  if (!Find(asker).in_turn) return false;
  std::set<std::string> seen;
  std::vector<std::string> to_look_at = {asked};
  while (!to_look_at.empty()) {
    const std::string session = to_look_at.back();
    to_look_at.pop_back();
    if (!Find(session).in_turn || !seen.insert(session).second) continue;
    if (session == asker) return true;
    const auto questions = asked_by_.find(session);
    if (questions == asked_by_.end()) continue;
    to_look_at.insert(to_look_at.end(), questions->second.begin(), questions->second.end());
  }
  return false;
}

bool WaitCycles::WouldWaitForProcess(const std::string& asker, size_t processes_max) const {
  if (!Find(asker).in_turn) return false;
  size_t processes = 0;
  for (const auto& [session_id, session] : sessions_) {
    if (!session.has_process) continue;
    ++processes;
    const bool waits = session_id == asker || asked_by_.count(session_id) > 0;
    if (!session.in_turn || !waits) return false;
  }
  return processes >= processes_max;
}

}  // namespace iris
