// What hosts are to hear of messages that were cancelled, in this life of the coordinator or a
// later one.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/orchestrator/no_way.h"
#include "coordinator/orchestrator/orchestrator.h"

namespace iris {
void Orchestrator::CancelInFlight(const AcceptedTell& tell, Queue& queue) {
  cancels_.Note(tell);
  queue.session->Cancel(tell.id_on_host());
}

void Orchestrator::CancelQueued(const std::string& tell_id, Queue& queue) {
  std::erase(queue.waiting, tell_id);
  cancels_.EndQueued(tells_.At(tell_id), queue.session);
  if (queue.session == nullptr) return;  // There is no way to the team yet.
  LetGoOfWaits(queue);
  ReportPlaces(queue);
}

absl::Status Orchestrator::ResumeCancels() {
  const absl::StatusOr<std::vector<Store::PendingCancel>> cancels = store_.Cancels();
  if (!cancels.ok()) return cancels.status();
  for (const Store::PendingCancel& cancel : *cancels) {
    if (tells_.Find(cancel.tell_id) != nullptr) {  // It was not settled any more.
      Cancel(cancel.tell_id, Caller::CommandLine(),
             [](const absl::StatusOr<v1::CancelTellOfResponse>&) {});
      continue;
    }
    cancels_.Owe(cancel);
    // Which passes it on; or there is no way to the team before somebody finds one.
    const absl::StatusOr<Queue*> queue = QueueAgain(cancel.from, cancel.to, nullptr);
    if (queue.ok()) continue;
    if (SaysNothingOfTheTeam(queue.status())) return queue.status();
    LogWarn("a cancelled tell of ", cancel.to, " to pass on: ", queue.status().message());
  }
  return absl::OkStatus();
}

}  // namespace iris
