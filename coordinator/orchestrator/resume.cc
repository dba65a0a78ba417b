// Tells that outlive the coordinator: what one life leaves open the next one takes up.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "common/log/log.h"
#include "coordinator/orchestrator/answer_all.h"
#include "coordinator/orchestrator/orchestrator.h"

namespace iris {
namespace {

// For those who follow a tell; the tell itself stays open.
absl::Status LeftOpen(bool team_has_it) {
  return MakeFailure(v1::FAILURE_DROPPED,
                     team_has_it
                         ? "the coordinator was stopped; the team goes on working on the message"
                         : "the coordinator was stopped; the message waits for the team",
                     "Nothing is lost: the next coordinator goes on with it. `iris tells` starts "
                     "one and shows how it stands.");
}

absl::Status StoppedForGood(bool team_had_it) {
  if (!team_had_it) {
    return MakeFailure(v1::FAILURE_CANCELLED,
                       "everything was stopped while the message waited; the team never got it",
                       "Send it again.");
  }
  return MakeFailure(v1::FAILURE_CANCELLED,
                     "everything was stopped while the team worked on the message",
                     "Look at what the team did before you send the message again.");
}

}  // namespace

absl::Status Orchestrator::ResumeOpenTells() {
  const absl::StatusOr<std::vector<std::string>> ids = store_.OpenTells();
  if (!ids.ok()) return ids.status();
  for (const std::string& id : *ids) {
    absl::StatusOr<absl::optional<StoredTell>> tell = store_.FindTell(id);
    if (!tell.ok()) return tell.status();
    if (absl::Status status = Resume(**std::move(tell)); !status.ok()) return status;
  }
  if (!ids->empty()) LogInfo(ids->size(), " tells are taken up from an earlier coordinator");
  return absl::OkStatus();
}

absl::Status Orchestrator::Resume(StoredTell stored) {
  const bool team_had_it = stored.state == TellState::kRunning;
  absl::StatusOr<std::string> answer = store_.FindText(stored.tell_id);
  if (!answer.ok()) return answer.status();
  const absl::StatusOr<Queue*> found = QueueOf(stored.from, stored.to);
  if (!found.ok() && KindOf(found.status()) == v1::FAILURE_STORAGE) return found.status();
  if (!found.ok()) {
    // The configuration has changed: there is no way to the team any more.
    const absl::Status why =
        MakeFailure(v1::FAILURE_DROPPED,
                    absl::StrCat("the coordinator was stopped while the message was open, and now ",
                                 ToProto(found.status()).detail()),
                    team_had_it ? "Look at what the team did before you send the message again."
                                : "Send it again.");
    return store_.SettleTell(stored.tell_id, why, *answer).status();
  }
  Queue& queue = **found;
  OpenTell& open = open_[stored.tell_id];
  open.session_id = queue.session->session_id();
  open.accepted_at = stored.accepted_at;
  if (!team_had_it) {
    queue.waiting.push_back(stored.tell_id);
    PostStartNext(open.session_id);
    return absl::OkStatus();
  }
  open.answer = *std::move(answer);
  open.stored_bytes = open.answer.size();
  queue.in_flight = stored.tell_id;
  queue.session->Resume(stored.tell_id, std::move(stored.text));
  return absl::OkStatus();
}

void Orchestrator::Leave() {
  if (!leaving_) SaveCheckpoint();
  LetEverybodyGo([this](const std::string& tell_id, bool team_has_it) {
    auto node = open_.extract(tell_id);
    OpenTell& tell = node.mapped();
    const TellOutcome left{.status = LeftOpen(team_has_it),
                           .answer = std::make_shared<const std::string>(std::move(tell.answer)),
                           .duration = store_.Now() - tell.accepted_at};
    for (TellObserver* observer : tell.observers) observer->OnSettled(left);
    AnswerAll(tell.cancels, Leaving());
  });
}

void Orchestrator::SettleOpen() {
  LetEverybodyGo([this](const std::string& tell_id, bool team_had_it) {
    Settle(tell_id, StoppedForGood(team_had_it));
  });
}

void Orchestrator::LetEverybodyGo(
    const std::function<void(const std::string& tell_id, bool team_has_it)>& end) {
  leaving_ = true;
  for (auto& [session_id, queue] : queues_) {
    for (const std::string& waiting : std::exchange(queue.waiting, {})) end(waiting, false);
    if (!queue.in_flight.empty()) end(std::exchange(queue.in_flight, ""), true);
    AnswerAll(queue.wakes_waiting, Leaving());
    AnswerAll(queue.wakes, Leaving());
    AnswerAll(queue.sleeps, Leaving());
    queue.session = nullptr;
  }
  for (const auto& waiting : std::exchange(answering_, {})) (*waiting)(Leaving());
  applied_.clear();
  pool_.Clear();
}

absl::Status Orchestrator::Leaving() {
  return MakeFailure(v1::FAILURE_DROPPED, "the coordinator is leaving");
}

}  // namespace iris
