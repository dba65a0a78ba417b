#include "coordinator/orchestrator/session_wakes.h"

#include <utility>

#include "coordinator/orchestrator/answer_all.h"

namespace iris {

uint64_t SessionWakes::Wait(Done done, bool takeover, SharedEnvironment environment) {
  waiting_.push_back(std::move(done));
  takes_over_ |= takeover;
  environment_ = std::move(environment);
  return round_;
}

bool SessionWakes::AwaitChild() {
  ++round_;
  for (Done& done : std::exchange(waiting_, {})) for_child_.push_back(std::move(done));
  return std::exchange(takes_over_, false);
}

SessionWakes::Done SessionWakes::GiveUpOldest(uint64_t round) {
  if (round_ != round || waiting_.empty()) return nullptr;
  Done oldest = std::move(waiting_.front());
  waiting_.erase(waiting_.begin());
  if (waiting_.empty()) takes_over_ = false;  // Nobody asks for it any more.
  return oldest;
}

void SessionWakes::CancelWaiting(const absl::Status& why) {
  ++round_;
  takes_over_ = false;
  AnswerAll(waiting_, why);
}

void SessionWakes::Answer(const absl::StatusOr<v1::WakeResponse>& result) {
  AnswerAll(for_child_, result);
}

}  // namespace iris
