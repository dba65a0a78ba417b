// Messages that are left for a host which never answered: they wait for it, and nobody else does.

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/orchestrator/orchestrator.h"

namespace iris {

bool Orchestrator::WaitsForHost(const std::string& id_on_host) const {
  const auto sent = sent_again_.find(id_on_host);
  const auto open = open_.find(sent == sent_again_.end() ? id_on_host : sent->second);
  if (open == open_.end() || !open->second.wait_for_host) return false;
  return store_.Now() < open->second.accepted_at + limits_.host_wait_max;
}

// Whoever stands behind a message that waits is not to wait with it unheard. And what is wrong may
// be the name: the configuration that somebody has mended is looked at after every attempt.
void Orchestrator::OnSessionAway(const std::string& session_id, const absl::Status& why) {
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_), session_id, why] {
    if (alive.expired() || leaving_) return;
    Queue& queue = queues_[session_id];
    std::deque<std::string> stay;
    std::vector<std::string> lost;
    for (const std::string& waiting : queue.waiting) {
      WaitsForHost(waiting) ? stay.push_back(waiting) : lost.push_back(waiting);
    }
    queue.waiting = std::move(stay);
    for (const std::string& tell_id : lost) End(tell_id, why);
    if (!lost.empty()) TellPlaces(queue);
    if (!queue.in_flight.empty()) UseSettingsOfNow(queue);
  });
}

}  // namespace iris
