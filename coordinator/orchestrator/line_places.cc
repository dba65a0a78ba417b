#include "coordinator/orchestrator/line_places.h"

#include <cstdint>
#include <deque>

#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/limit_wait.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {

absl::Time LinePlaces::NotBefore() const {
  if (!order_.any_waits()) return absl::InfinitePast();
  const AcceptedTell* const tell = parts_.tells.Find(order_.waiting().front());
  if (tell == nullptr || tell->not_before() <= parts_.store.Now()) return absl::InfinitePast();
  return tell->not_before();
}

void LinePlaces::Report() const {
  const absl::Time not_before = NotBefore();
  const bool is_due = not_before == absl::InfinitePast();
  size_t ahead = (order_.is_busy() ? 1 : 0) + GivenElsewhere();
  // A copy: who hears of its place may send more, or cancel.
  for (const std::string& waiting : std::deque<std::string>(order_.waiting())) {
    const AcceptedTell* const tell = parts_.tells.Find(waiting);
    const bool waits = tell != nullptr && !tell->is_over();
    if (!waits || !order_.any_waits()) continue;
    const bool is_first = order_.IsFirst(waiting);
    if (is_first && host_.awaited()) {
      const v1::TellProgress& says = host_.progress();
      if (!tell->Says(says.text())) parts_.tells.SetProgress(waiting, says);
    } else if (is_first && !is_due) {
      parts_.tells.SetProgress(waiting, LimitProgress(not_before));
    } else if (ahead == 0 && settings_.FirstLacksVariables()) {
      parts_.tells.SetProgress(waiting, NoAskerProgress());
    } else if (ahead == 0) {
      parts_.tells.SetProgress(
          waiting, NoProcessProgress(parts_.pool.processes_busy(), parts_.pool.processes_max()));
    } else {
      parts_.tells.SetProgress(waiting, QueuedProgress(ahead));
    }
    ++ahead;
  }
}

void LinePlaces::Describe(v1::SessionStatus& status) const {
  status.set_tells_waiting(static_cast<uint32_t>(order_.waiting().size()));
  status.set_tell_in_flight(order_.in_flight());
  const AcceptedTell* const tell = parts_.tells.Find(order_.in_flight());
  if (tell != nullptr) status.set_answer_bytes(tell->answer().bytes());
  const absl::Time not_before = NotBefore();
  if (not_before != absl::InfinitePast()) status.set_stall(LimitProgress(not_before).text());
  const bool lacks_asker = !order_.is_busy() && settings_.FirstLacksVariables();
  if (lacks_asker) status.set_stall(NoAskerProgress().text());
  if (host_.awaited()) status.set_stall(host_.progress().text());
}

}  // namespace iris
