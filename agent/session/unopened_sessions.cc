#include "agent/session/unopened_sessions.h"

#include "agent/journal/journal.h"
#include "agent/session/session_files.h"

namespace iris {

UnopenedSessions::~UnopenedSessions() {
  for (const auto& [id, resting] : sessions_) disk_.RemoveKept(resting.journal_bytes());
}

bool UnopenedSessions::Add(const saved::Resting& resting, const std::string& dir) {
  const Journal::Tail tail = {.first_seq = resting.last_segment(),
                              .bytes = resting.last_segment_bytes()};
  if (!SessionFiles::LookUnchanged(dir, tail)) return false;
  if (!sessions_.emplace(resting.session_id(), resting).second) return false;
  disk_.AddKept(resting.journal_bytes());
  return true;
}

void UnopenedSessions::Remove(const std::string& session_id) {
  const auto resting = sessions_.extract(session_id);
  if (!resting.empty()) disk_.RemoveKept(resting.mapped().journal_bytes());
}

v1::SessionInfo UnopenedSessions::Info(const saved::Resting& resting) const {
  v1::SessionInfo info;
  (void)info.ParseFromString(resting.info());  // Whole, as the checksum of its note says.
  info.set_idle_ms(absl::ToInt64Milliseconds(absl::Now() - since_));
  return info;
}

}  // namespace iris
