#include "agent/session/fenced_readers.h"

#include <algorithm>
#include <utility>

namespace iris {

void FencedReaders::Add(const SessionReader& reader, const std::vector<v1::TellState>& open) {
  for (const Waiting& waiting : waiting_) {
    if (waiting.reader == &reader) return;
  }
  if (open.empty()) return;
  Waiting waiting{.reader = &reader};
  for (const v1::TellState& tell : open) waiting.open.insert(tell.tell_id());
  waiting_.push_back(std::move(waiting));
}

void FencedReaders::Remove(const SessionReader& reader) {
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(),
                                [&](const Waiting& waiting) { return waiting.reader == &reader; }),
                 waiting_.end());
}

void FencedReaders::OnSettled(const std::string& tell_id, uint64_t seq) {
  for (Waiting& waiting : waiting_) {
    if (waiting.open.erase(tell_id) > 0) waiting.until = std::max(waiting.until, seq);
  }
}

uint64_t FencedReaders::NeedNothingUpTo() {
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(),
                                [](const Waiting& waiting) {
                                  return waiting.open.empty() &&
                                         waiting.reader->sent_seq() >= waiting.until;
                                }),
                 waiting_.end());
  uint64_t up_to = kAll;
  for (const Waiting& waiting : waiting_) up_to = std::min(up_to, waiting.reader->sent_seq());
  return up_to;
}

}  // namespace iris
