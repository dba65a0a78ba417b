// Messages that wait until the limit of their team's account has reset: they stay first in their
// session's line, and their host gets them under another id, since claude ignores one that it has
// seen.

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/ids.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/orchestrator/limit_wait.h"
#include "coordinator/orchestrator/orchestrator.h"

namespace iris {
namespace {

// The clock may be set, and the machine may sleep.
constexpr absl::Duration kLookAgain = absl::Minutes(1);

}  // namespace

const std::string& Orchestrator::SentIdOf(const std::string& tell_id, const OpenTell& tell) {
  return tell.sent_id.empty() ? tell_id : tell.sent_id;
}

std::pair<const std::string, Orchestrator::OpenTell>* Orchestrator::FindSent(
    const std::string& sent_id) {
  const auto sent = sent_.find(sent_id);
  const auto open = open_.find(sent == sent_.end() ? sent_id : sent->second);
  // Not what is said once more of an earlier attempt.
  if (open == open_.end() || SentIdOf(open->first, open->second) != sent_id) return nullptr;
  return &*open;
}

bool Orchestrator::KeepForLimit(const std::string& tell_id, OpenTell& tell,
                                const absl::Status& outcome) {
  if (!tell.wait_for_limit || leaving_ || !tell.cancels.empty() ||
      KindOf(outcome) != v1::FAILURE_RATE_LIMITED) {
    return false;
  }
  const absl::optional<absl::Time> when =
      WhenToSendAgain(ToProto(outcome).rate_limit(), tell.limit_waits, tell.accepted_at,
                      store_.Now(), limits_.limit_waits);
  if (!when.has_value()) return false;
  const std::string sent_id = NewUuid();
  const absl::Status kept = store_.KeepForLimit(tell_id, sent_id, *when, tell.limit_waits + 1);
  if (!kept.ok()) {
    LogError("tell ", tell_id, " to keep until a limit has reset: ", kept.message());
    return false;
  }
  sent_.erase(tell.sent_id);
  sent_[sent_id] = tell_id;
  tell.sent_id = sent_id;
  tell.not_before = *when;
  ++tell.limit_waits;
  tell.may_be_there = false;
  tell.answer.clear();
  tell.answer_too_long = false;
  tell.structured_bytes = tell.stored_bytes = 0;
  Queue& queue = queues_[tell.session_id];
  queue.in_flight.clear();
  queue.waiting.push_front(tell_id);
  TellPlaces(queue);
  PostStartNext(tell.session_id);
  return true;
}

bool Orchestrator::IsNextDue(const Queue& queue) const {
  if (queue.waiting.empty()) return true;
  const auto open = open_.find(queue.waiting.front());
  return open == open_.end() || open->second.not_before <= store_.Now();
}

void Orchestrator::WaitForLimit(const std::string& session_id, Queue& queue) {
  if (std::exchange(queue.waits_for_limit, true)) return;
  const absl::Duration left = open_.at(queue.waiting.front()).not_before - store_.Now();
  loop_.After(std::min(left, kLookAgain), [this, alive = std::weak_ptr<bool>(alive_), session_id] {
    if (alive.expired()) return;
    queues_[session_id].waits_for_limit = false;
    if (!leaving_) StartNext(session_id);
  });
}

}  // namespace iris
