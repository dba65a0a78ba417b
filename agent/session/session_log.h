#ifndef IRIS_AGENT_SESSION_SESSION_LOG_H_
#define IRIS_AGENT_SESSION_SESSION_LOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "agent/journal/journal.h"
#include "agent/session/fenced_readers.h"
#include "agent/session/session_reader.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// What happened in a session: its journal, who reads that, and how far back it is kept for whom.
// Events are kept until the lease holder has acknowledged them, and for readers of earlier leases
// until they were sent the outcomes of their tells or the journal is half full. Lives on the
// process loop.
class SessionLog {
 public:
  // `on_change`: the journal may have become full() or have room again. It must not append.
  SessionLog(Journal& journal, std::function<void()> on_change);
  ~SessionLog();
  SessionLog(const SessionLog&) = delete;
  SessionLog& operator=(const SessionLog&) = delete;

  // Keeps `event`, and notifies the readers. Returns its number.
  uint64_t Append(v1::Event event);
  // A line of claude's, or some of one: `more` comes. In events of 32 KiB at most.
  void AppendOutput(absl::string_view bytes, bool more);

  void AddReader(SessionReader* reader) { readers_.insert(reader); }
  void RemoveReader(SessionReader* reader);
  // One of them was sent events, other than in OnNewEvents().
  void OnReaderSent();
  size_t reader_count() const { return readers_.size(); }

  // The lease holder has stored everything up to `seq`.
  void Acknowledge(uint64_t seq);
  // The lease `epoch` is over: its readers still get all of the tells that are `open` now.
  void Fence(uint64_t epoch, const std::vector<v1::TellState>& open);
  // The event `seq` says how the tell ended.
  void OnSettled(const std::string& tell_id, uint64_t seq) { fenced_.OnSettled(tell_id, seq); }
  // Nothing is kept any more for readers of earlier leases.
  void ForgetFencedReaders();

  void Describe(v1::SessionInfo& info) const;
  const Journal& journal() const { return journal_; }

 private:
  void OnRoom();
  // What is acknowledged goes, but for what readers of earlier leases lack.
  void Trim();

  Journal& journal_;
  const std::function<void()> on_change_;
  std::set<SessionReader*> readers_;
  FencedReaders fenced_;       // Of them.
  uint64_t acknowledged_ = 0;  // By the lease holder, in this life of the agent.
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_SESSION_LOG_H_
