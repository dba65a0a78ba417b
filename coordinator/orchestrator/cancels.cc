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
namespace {

absl::Status Cancelled(bool was_put_off, bool given) {
  if (given) {
    return MakeFailure(v1::FAILURE_CANCELLED,
                       "the message was cancelled while there was no way to its team, which may "
                       "have it, and is told once there is one",
                       FixFor(v1::FAILURE_AMBIGUOUS));
  }
  return MakeFailure(
      v1::FAILURE_CANCELLED,
      was_put_off ? "the message was cancelled while it waited for the limit of claude's account; "
                    "nothing was done for it"
                  : "the message was cancelled while it waited; the team never got it");
}

}  // namespace

// Where this life ends before the host has heard of it, the next one says it. What cannot be stored
// is asked for all the same.
void Orchestrator::CancelInFlight(const std::string& tell_id, Queue& queue) {
  const std::string id_on_host = tells_.At(tell_id).id_on_host();
  NoteCancel(tell_id, id_on_host);
  queue.session->Cancel(id_on_host);
}

void Orchestrator::NoteCancel(const std::string& tell_id, const std::string& id_on_host) {
  Note(absl::StrCat("that tell ", tell_id, " is cancelled"),
       [tell_id, id_on_host](Store& store) { return store.NoteCancel(tell_id, id_on_host); });
}

void Orchestrator::CancelQueued(const std::string& tell_id, Queue& queue) {
  queue.waiting.erase(std::remove(queue.waiting.begin(), queue.waiting.end(), tell_id),
                      queue.waiting.end());
  const AcceptedTell& tell = tells_.At(tell_id);
  if (tell.given()) CancelOnHost(tell_id, queue);
  End(tell_id, Cancelled(tell.limit_waits() > 0, tell.given()));
  if (queue.session == nullptr) return;  // There is no way to the team yet.
  LetGoOfWaits(queue);
  ReportPlaces(queue);
}

// Of one that a host may have, and that is not under way here.
void Orchestrator::CancelOnHost(const std::string& tell_id, Queue& queue) {
  const AcceptedTell& tell = tells_.At(tell_id);
  const std::string id_on_host = tell.id_on_host();
  NoteCancel(tell_id, id_on_host);
  const absl::StatusOr<ReadMark> mark = store_.FindMark(tell.session_id());
  to_pass_on_.push_back({.tell_id = tell_id,
                         .id_on_host = id_on_host,
                         .host = mark.ok() ? mark->host.key : "",
                         .session_id = tell.session_id()});
  if (queue.session != nullptr) PassOnCancels(queue);
}

void Orchestrator::PassOnCancels(Queue& queue) {
  for (const Store::PendingCancel& cancel : to_pass_on_) {
    if (cancel.session_id != queue.session->session_id()) continue;
    queue.session->PassOnCancel(cancel.id_on_host, cancel.host);
  }
  std::erase_if(to_pass_on_, [&queue](const Store::PendingCancel& cancel) {
    return cancel.session_id == queue.session->session_id();
  });
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
    to_pass_on_.push_back(cancel);
    // Which passes it on; or there is no way to the team before somebody finds one.
    const absl::StatusOr<Queue*> queue = QueueAgain(cancel.from, cancel.to, nullptr);
    if (queue.ok()) continue;
    if (SaysNothingOfTheTeam(queue.status())) return queue.status();
    LogWarn("a cancelled tell of ", cancel.to, " to pass on: ", queue.status().message());
  }
  return absl::OkStatus();
}

}  // namespace iris
