#ifndef IRIS_AGENT_SESSION_UNOPENED_SESSIONS_H_
#define IRIS_AGENT_SESSION_UNOPENED_SESSIONS_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/journal/journal_sync.h"
#include "agent/session/saved_session.pb.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// The sessions that earlier agents have left at rest, and that nobody has asked this one for: their
// files are not open, and what is known of them was noted (RestNotes). Each is opened before
// anything is done with it, also before it is removed. Lives on the process loop.
class UnopenedSessions {
 public:
  // What they keep on the disk counts for the quota that `disk` has, which outlives this.
  explicit UnopenedSessions(JournalSync& disk) : disk_(disk) {}
  ~UnopenedSessions();
  UnopenedSessions(const UnopenedSessions&) = delete;
  UnopenedSessions& operator=(const UnopenedSessions&) = delete;

  // One whose files are in `dir`. False: they say something else by now, and are to be read.
  bool Add(const saved::Resting& resting, const std::string& dir);
  // It was opened, or is gone.
  void Remove(const std::string& session_id);

  bool Has(const std::string& session_id) const { return sessions_.contains(session_id); }
  size_t size() const { return sessions_.size(); }
  // By id.
  const std::map<std::string, saved::Resting>& all() const { return sessions_; }
  static absl::Duration UsedAt(const saved::Resting& resting) {
    return absl::Milliseconds(resting.used_age_ms());
  }
  // As Session::Info() would have it.
  v1::SessionInfo Info(const saved::Resting& resting) const;

 private:
  JournalSync& disk_;
  const absl::Time since_ = absl::Now();
  std::map<std::string, saved::Resting> sessions_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_UNOPENED_SESSIONS_H_
