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

void Orchestrator::OnSentAgain(AcceptedTell& tell) {
  const std::string session_id = tell.session_id();
  Queue& queue = queues_[session_id];
  queue.in_flight.clear();
  queue.waiting.push_front(tell.id());
  if (tell.cancels() > 0) return CancelQueued(tell.id(), queue);
  ReportPlaces(queue);
  PostStartNext(session_id);
}

absl::Time Orchestrator::NextNotBefore(const Queue& queue) const {
  if (queue.waiting.empty()) return absl::InfinitePast();
  auto* const open = tells_.Find(queue.waiting.front());
  if (open == nullptr || open->not_before() <= store_.Now()) return absl::InfinitePast();
  return open->not_before();
}

void Orchestrator::WaitForLimit(const std::string& session_id, Queue& queue,
                                absl::Time not_before) {
  if (std::exchange(queue.waits_for_limit, true)) return;
  ReportPlaces(queue);
  const absl::Duration left = std::min(not_before - store_.Now(), kLookAgain);
  loop_.After(left, [this, alive = alive_.Watch(), session_id] {
    if (!alive) return;
    queues_[session_id].waits_for_limit = false;
    if (!tells_.has_left()) StartNext(session_id);
  });
}

}  // namespace iris
