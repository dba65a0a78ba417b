#include "agent/session/event_log.h"

#include <algorithm>
#include <utility>

#include "common/base/ids.h"
#include "common/frame/wire_bytes.h"

namespace iris {

EventLog::EventLog(std::string incarnation)
    : journal_id_(NewUuid()), incarnation_(std::move(incarnation)) {}

void EventLog::Append(v1::Event event) {
  event.set_seq(++newest_seq_);
  bytes_ += WireBytes(event);
  events_.push_back(std::make_shared<const v1::Event>(std::move(event)));
}

std::vector<EventLog::EventPtr> EventLog::After(uint64_t seq, size_t bytes_max) const {
  std::vector<EventPtr> found;
  size_t bytes = 0;
  const size_t first = std::max(seq, oldest_known()) - oldest_known();
  for (size_t i = first; i < events_.size(); ++i) {
    bytes += WireBytes(*events_[i]);
    if (!found.empty() && bytes > bytes_max) break;
    found.push_back(events_[i]);
  }
  return found;
}

void EventLog::Trim(uint64_t seq) {
  while (!events_.empty() && events_.front()->seq() <= seq) {
    bytes_ -= WireBytes(*events_.front());
    events_.pop_front();
  }
}

v1::ResetReason EventLog::CheckPosition(const v1::Position& after) const {
  if (after.journal_id() != journal_id_ || after.incarnation() != incarnation_) {
    return v1::RESET_UNKNOWN_JOURNAL;
  }
  if (after.seq() > newest_seq_) return v1::RESET_AHEAD;
  if (after.seq() < oldest_known()) return v1::RESET_TRIMMED;
  return v1::RESET_UNSPECIFIED;
}

v1::Position EventLog::newest() const {
  v1::Position position;
  position.set_journal_id(journal_id_);
  position.set_incarnation(incarnation_);
  position.set_seq(newest_seq_);
  return position;
}

}  // namespace iris
