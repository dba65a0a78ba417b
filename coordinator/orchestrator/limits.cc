// Messages that wait until the limit of their team's account has reset. They stay first in their
// session's line, and their host gets them under another id each time.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "common/failure/failure.h"
#include "coordinator/orchestrator/limit_wait.h"
#include "coordinator/orchestrator/orchestrator.h"

namespace iris {
namespace {

// The clock may be set, and the machine may sleep.
constexpr absl::Duration kLookAgain = absl::Minutes(1);

}  // namespace

std::pair<const std::string, Orchestrator::OpenTell>* Orchestrator::FindSent(
    const std::string& id_on_host) {
  const auto open = open_.find(host_ids_.TellOf(id_on_host));
  if (open == open_.end() || open->second.outcome.has_value()) return nullptr;
  // Not what is said once more of an earlier attempt.
  return IdOnHost(open->first, open->second.limit_waits) == id_on_host ? &*open : nullptr;
}

absl::optional<absl::Time> Orchestrator::PutOffUntil(const OpenTell& tell,
                                                     const absl::Status& outcome) const {
  if (!tell.wait_for_limit || !tell.cancels.empty() ||
      KindOf(outcome) != v1::FAILURE_RATE_LIMITED) {
    return absl::nullopt;
  }
  return WhenToSendAgain(ToProto(outcome).rate_limit(), tell.limit_waits, tell.accepted_at,
                         store_.Now(), limits_.limit_waits);
}

void Orchestrator::OnPutOff(const std::string& tell_id, OpenTell& tell) {
  host_ids_.Forget(tell_id, tell.limit_waits);
  ++tell.limit_waits;
  host_ids_.Note(tell_id, tell.limit_waits);
  tell.not_before = *std::exchange(tell.put_off_until, absl::nullopt);
  tell.outcome.reset();
  tell.may_be_there = true;  // After a store that was put back from a copy.
  tell.given = tell.stored_as_running = false;
  tell.answer.StartAnew();
  Queue& queue = queues_[tell.session_id];
  queue.in_flight.clear();
  queue.waiting.push_front(tell_id);
  if (!tell.cancels.empty()) return CancelQueued(tell_id, queue);
  ReportPlaces(queue);
  PostStartNext(tell.session_id);
}

absl::Time Orchestrator::NextNotBefore(const Queue& queue) const {
  if (queue.waiting.empty()) return absl::InfinitePast();
  const auto open = open_.find(queue.waiting.front());
  if (open == open_.end() || open->second.not_before <= store_.Now()) return absl::InfinitePast();
  return open->second.not_before;
}

void Orchestrator::WaitForLimit(const std::string& session_id, Queue& queue,
                                absl::Time not_before) {
  if (std::exchange(queue.waits_for_limit, true)) return;
  ReportPlaces(queue);
  const absl::Duration left = std::min(not_before - store_.Now(), kLookAgain);
  loop_.After(left, [this, alive = alive_.Watch(), session_id] {
    if (!alive) return;
    queues_[session_id].waits_for_limit = false;
    if (!leaving_) StartNext(session_id);
  });
}

}  // namespace iris
