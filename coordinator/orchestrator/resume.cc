// Tells that outlive the coordinator: what one life leaves open the next one takes up.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/orchestrator/answer_all.h"
#include "coordinator/orchestrator/leaving.h"
#include "coordinator/orchestrator/no_way.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {
namespace {

// The configuration may be mended, or somebody comes for whom it loads.
v1::TellProgress NoWayYet(const absl::Status& why) {
  return ToProto({.text = absl::StrCat("the message waits for somebody for whom the configuration "
                                       "loads, who asks for it as `iris tells` does: ",
                                       Failure(ToProto(why)).detail())});
}

}  // namespace

absl::Status Orchestrator::ResumeOpenTells() {
  const absl::StatusOr<std::vector<StoredSession>> sessions = store_.Sessions();
  if (!sessions.ok()) return sessions.status();
  for (const StoredSession& session : *sessions) team_of_[session.session_id] = session.to;
  const absl::StatusOr<std::vector<std::string>> ids = store_.OpenTells();
  if (!ids.ok()) return ids.status();
  for (const std::string& id : *ids) {
    absl::StatusOr<absl::optional<StoredTell>> tell = store_.FindTell(id);
    if (!tell.ok()) return tell.status();
    if (absl::Status status = Resume(**std::move(tell)); !status.ok()) return status;
  }
  if (!ids->empty()) LogInfo(ids->size(), " tells are taken up from an earlier coordinator");
  return ResumeCancels();
}

absl::StatusOr<Orchestrator::Queue*> Orchestrator::Reopen(const StoredTell& stored) {
  absl::StatusOr<std::string> answer = store_.FindText(stored.tell_id);
  if (!answer.ok()) return answer.status();
  const absl::StatusOr<Queue*> found = QueueAgain(stored.from, stored.to, nullptr);
  if (!found.ok() && SaysNothingOfTheTeam(found.status())) return found.status();
  const AcceptedTell& open = tells_.Add(std::make_unique<AcceptedTell>(stored, *std::move(answer)));
  if (found.ok() && teams_.LeadsItsWay(open.asker(), stored.to, nullptr)) return *found;
  if (found.ok()) {  // As overdue as it may be: EndWhatFoundNoWay() looks.
    wayless_.Add(stored.tell_id);
    tells_.SetProgress(stored.tell_id, NotItsSendersVariables());
    return nullptr;
  }
  const bool is_overdue = IsOverdue(open);
  if (!teams_.Current(nullptr).ok() && !is_overdue) {
    wayless_.Add(stored.tell_id);
    tells_.SetProgress(stored.tell_id, NoWayYet(found.status()));
  } else {  // The configuration has changed.
    settling_.End(stored.tell_id, NoWay(found.status(), open.given()));
  }
  return nullptr;
}

absl::Status Orchestrator::Resume(StoredTell stored) {
  const absl::StatusOr<Queue*> reopened = Reopen(stored);
  if (!reopened.ok() || *reopened == nullptr) return reopened.status();
  PutInLine(std::move(stored), **reopened);
  return absl::OkStatus();
}

void Orchestrator::PutInLine(StoredTell stored, Queue& queue) {
  // Two were under way only where an earlier version lost sight of one. A session that is changing
  // has still the way of somebody else.
  const bool is_free = queue.in_flight.empty() && !queue.session->ending() &&
                       !queue.session->settings_are_due() && GivenElsewhere(queue) == 0;
  if (stored.state == TellState::kQueued || !is_free) {
    queue.waiting.push_back(stored.tell_id);
    return PostStartNext(stored.session_id);
  }
  queue.in_flight = stored.tell_id;
  queue.session->Resume(IdOnHost(stored.tell_id, stored.limit_waits), std::move(stored.text),
                        /*given=*/true);
}

void Orchestrator::Leave() {
  store_.Finish();  // What is being stored.
  if (!tells_.has_left()) settling_.SaveAll();
  store_.Finish();
  AnswerAllWhoWait();
}

absl::Status Orchestrator::SettleOpen() {
  store_.Finish();
  tells_.ForEach([](AcceptedTell& tell) { tell.StayOver(); });
  for (const auto& [session_id, queue] : queues_) {
    if (!queue.in_flight.empty()) settling_.StopForGood(queue.in_flight);
    for (const std::string& waiting : queue.waiting) settling_.StopForGood(waiting);
  }
  for (const std::string& tell_id : std::vector<std::string>(wayless_.ids()))
    settling_.StopForGood(tell_id);
  settling_.SaveAll();
  store_.Finish();
  const size_t left = tells_.size();
  AnswerAllWhoWait();
  if (left == 0) return absl::OkStatus();
  return MakeFailure(v1::FAILURE_STORAGE,
                     absl::StrCat("the store took nothing: ", left,
                                  " messages stay open, and go on with the next coordinator"));
}

void Orchestrator::AnswerAllWhoWait() {
  tells_.Leave(store_.Now());
  for (auto& [session_id, queue] : queues_) {
    queue.waiting.clear();
    queue.in_flight.clear();
    queue.awaits.reset();
    queue.wakes.CancelWaiting(Leaving());
    queue.wakes.Answer(Leaving());
    AnswerAll(queue.sleeps, Leaving());
    queue.session = nullptr;
  }
  turn_waits_.Clear();
  answers_.Leave(Leaving());
  wayless_.Clear();
  cancels_.Forget();
  settling_.Forget();
  pool_.Clear();
}

}  // namespace iris
