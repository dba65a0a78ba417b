#ifndef IRIS_AGENT_SESSION_EVENT_LOG_H_
#define IRIS_AGENT_SESSION_EVENT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// One session's events, numbered without gaps, kept until the lease holder has acknowledged them.
//
//   Append ──▶ [ 4 | 5 | 6 | 7 ]     After(5) = {6, 7}     Trim(4) drops 4.
//
// In memory in this version: it lives and ends with the agent. The limit is not enforced by
// dropping: when full() the session stops reading from its child. Lives on the process loop.
class EventLog {
 public:
  using EventPtr = std::shared_ptr<const v1::Event>;

  static constexpr size_t kBytesMax = 64 << 20;

  // `incarnation` is the agent's. The journal gets an id of its own.
  explicit EventLog(std::string incarnation);

  // Numbers and keeps `event`.
  void Append(v1::Event event);

  // Consecutive events after `seq`, oldest first: as many as fit in `bytes_max`, at least one if
  // there is one. Empty when `seq` is the newest. `seq` must not be older than oldest_known().
  std::vector<EventPtr> After(uint64_t seq, size_t bytes_max) const;

  // Drops every event up to and including `seq`.
  void Trim(uint64_t seq);

  // Why a reader cannot go on from `after`; RESET_UNSPECIFIED = it can.
  v1::ResetReason CheckPosition(const v1::Position& after) const;

  v1::Position newest() const;
  uint64_t newest_seq() const { return newest_seq_; }
  // The position before the oldest event that is kept.
  uint64_t oldest_known() const { return newest_seq_ - events_.size(); }
  size_t bytes() const { return bytes_; }
  bool full() const { return bytes_ >= kBytesMax; }

 private:
  const std::string journal_id_;
  const std::string incarnation_;
  uint64_t newest_seq_ = 0;
  size_t bytes_ = 0;
  std::deque<EventPtr> events_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_EVENT_LOG_H_
