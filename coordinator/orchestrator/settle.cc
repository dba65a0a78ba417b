// How a tell comes to its end: noted, stored by Checkpoints, and only then said to whoever waits.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "common/log/log.h"
#include "coordinator/orchestrator/answer_all.h"
#include "coordinator/orchestrator/orchestrator.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {
namespace {

v1::CancelTellOfResponse ResponseFor(const absl::Status& outcome) {
  v1::CancelTellOfResponse response;
  if (!outcome.ok()) *response.mutable_failure() = ToProto(outcome);
  return response;
}

}  // namespace

void Orchestrator::End(const std::string& tell_id, const absl::Status& outcome) {
  AcceptedTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr || tell->is_over()) return;
  tell->End(outcome, limits_.answer_bytes_max);
  OnOver(*tell);
}

void Orchestrator::PutOff(const std::string& tell_id, const absl::Status& outcome,
                          absl::Time until) {
  AcceptedTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr || tell->is_over()) return;
  tell->PutOff(outcome, until, limits_.answer_bytes_max);
  OnOver(*tell);
}

void Orchestrator::OnOver(const AcceptedTell& tell) {
  no_way_.erase(std::remove(no_way_.begin(), no_way_.end(), tell.id()), no_way_.end());
  checkpoints_.End(tell.session_id(), tell.id());
}

absl::optional<UnsavedText> Orchestrator::UnsavedTextOf(const std::string& session_id) {
  auto* const open = tells_.Find(queues_[session_id].in_flight);
  if (open == nullptr || open->is_over()) return absl::nullopt;
  return open->answer().Unsaved(open->id());
}

std::variant<TellEnd, Postponement> Orchestrator::OutcomeOf(const std::string& tell_id) {
  return tells_.At(tell_id).Outcome();
}

void Orchestrator::OnMarkStored(const std::string& session_id, const ReadMark& mark) {
  Queue& queue = queues_[session_id];
  if (queue.session != nullptr) queue.session->Acknowledge(mark);
}

void Orchestrator::OnTextStored(const std::string& tell_id, size_t bytes, uint64_t round) {
  auto* const open = tells_.Find(tell_id);
  if (open != nullptr) open->answer().OnStored(bytes, round);
}

void Orchestrator::OnPutOffStored(const std::string& tell_id) { OnPutOff(tells_.At(tell_id)); }

void Orchestrator::OnEndsStored(const std::vector<std::string>& tell_ids) {
  std::vector<std::unique_ptr<AcceptedTell>> settled;
  for (const std::string& tell_id : tell_ids) {
    settled.push_back(tells_.Take(tell_id));
    turn_waits_.Forget(tell_id);
  }
  for (const std::unique_ptr<AcceptedTell>& tell : settled) OnSettled(*tell);
}

void Orchestrator::OnSettled(AcceptedTell& tell) {
  Queue& queue = queues_[tell.session_id()];
  if (queue.in_flight == tell.id()) queue.in_flight.clear();
  PostStartNext(tell.session_id());
  const TellOutcome outcome{.status = tell.outcome(),
                            .answer = tell.answer().Whole(),
                            .duration = store_.Now() - tell.accepted_at(),
                            .structured_bytes = tell.answer().structured_bytes(),
                            .account = tell.answer().account()};
  queue.last_turn = outcome.account;
  for (TellObserver* observer : tell.observers()) observer->OnSettled(outcome);
  if (tell.cancels() == 0) return;
  if (KindOf(outcome.status) == v1::FAILURE_CANCELLED) MarkFetched(tell.id());
  std::vector<CancelDone> cancels = tell.TakeCancels();
  AnswerAll(cancels, ResponseFor(outcome.status));
}

// The host has it, and so have we: who waits hears why it takes longer.
void Orchestrator::OnNotStored(const std::string&, const std::vector<std::string>& ended,
                               const absl::Status& why) {
  const v1::TellProgress progress =
      NotStoredProgress("it is over, which cannot be stored yet", why);
  for (const std::string& tell_id : ended) {
    AcceptedTell* tell = tells_.Find(tell_id);
    if (tell == nullptr) continue;
    std::vector<CancelDone> cancels = tell->TakeCancels();
    if (!tell->Says(progress.text())) tells_.SetProgress(tell_id, progress);
    tell = tells_.Find(tell_id);
    // Room on a disk comes back; the limit on the size of a file stays as long as this process. The
    // first time earlier writes may be in the way, which ForgetUnsaved() clears away.
    const bool is_hopeless = tell != nullptr && tell->NoteNotStored() && IsOfFileSize(why);
    if (is_hopeless) tell->GiveUpAnswer(why);
    AnswerAll(cancels, Annotate(why, "the message is over, which cannot be stored yet"));
  }
}

void Orchestrator::Note(std::string what, StoreQueue::Write write) {
  store_.Post(std::move(write), [what = std::move(what)](const absl::Status& noted) {
    if (!noted.ok()) LogWarn(what, ": ", noted.message());
  });
}

}  // namespace iris
