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
  const auto open = open_.find(tell_id);
  if (open == open_.end() || open->second.outcome.has_value()) return;
  OpenTell& tell = open->second;
  tell.outcome = outcome;
  no_way_.erase(std::remove(no_way_.begin(), no_way_.end(), tell_id), no_way_.end());
  tell.answer.Finish(limits_.answer_bytes_max, outcome.ok());
  checkpoints_.End(tell.session_id, tell_id);
}

absl::optional<UnsavedText> Orchestrator::UnsavedTextOf(const std::string& session_id) {
  const auto open = open_.find(queues_[session_id].in_flight);
  if (open == open_.end() || open->second.outcome.has_value()) return absl::nullopt;
  return open->second.answer.Unsaved(open->first);
}

std::variant<TellEnd, Postponement> Orchestrator::OutcomeOf(const std::string& tell_id) {
  const auto open = open_.find(tell_id);
  Check(open != open_.end() && open->second.outcome.has_value(),
        "the end is stored of a message that is not over");
  OpenTell& tell = open->second;
  if (tell.put_off_until.has_value()) {
    return Postponement{tell_id, *tell.put_off_until, tell.limit_waits + 1};
  }
  std::shared_ptr<const std::string> answer = tell.answer.Whole();
  const Settlement settlement{.tell_id = tell_id,
                              .outcome = *tell.outcome,
                              .answer = *answer,
                              .structured_bytes = tell.answer.structured_bytes(),
                              .account = tell.answer.account(),
                              .cancel_on_host = tell.cancel_on_host};
  return TellEnd{.settlement = settlement, .answer = std::move(answer)};
}

void Orchestrator::OnMarkStored(const std::string& session_id, const ReadMark& mark) {
  Queue& queue = queues_[session_id];
  if (queue.session != nullptr) queue.session->Acknowledge(mark);
}

void Orchestrator::OnTextStored(const std::string& tell_id, size_t bytes, uint64_t round) {
  const auto open = open_.find(tell_id);
  if (open != open_.end()) open->second.answer.OnStored(bytes, round);
}

void Orchestrator::OnPutOffStored(const std::string& tell_id) {
  const auto open = open_.find(tell_id);
  Check(open != open_.end() && open->second.put_off_until.has_value(),
        "a message is put off that is not to be");
  OnPutOff(tell_id, open->second);
}

void Orchestrator::OnEndsStored(const std::vector<std::string>& tell_ids) {
  std::vector<std::pair<std::string, OpenTell>> settled;
  for (const std::string& tell_id : tell_ids) {
    const auto open = open_.find(tell_id);
    Check(open != open_.end() && open->second.outcome.has_value(),
          "a message is settled that is not over");
    host_ids_.Forget(tell_id, open->second.limit_waits);
    settled.emplace_back(tell_id, std::move(open->second));
    open_.erase(open);
    turn_waits_.Forget(tell_id);
  }
  for (auto& [tell_id, tell] : settled) OnSettled(tell_id, tell);
}

void Orchestrator::OnSettled(const std::string& tell_id, OpenTell& tell) {
  Queue& queue = queues_[tell.session_id];
  if (queue.in_flight == tell_id) queue.in_flight.clear();
  PostStartNext(tell.session_id);
  const TellOutcome outcome{.status = *tell.outcome,
                            .answer = tell.answer.Whole(),
                            .duration = store_.Now() - tell.accepted_at,
                            .structured_bytes = tell.answer.structured_bytes(),
                            .account = tell.answer.account()};
  queue.last_turn = outcome.account;
  for (TellObserver* observer : tell.observers) observer->OnSettled(outcome);
  if (tell.cancels.empty()) return;
  if (KindOf(outcome.status) == v1::FAILURE_CANCELLED) MarkFetched(tell_id);
  AnswerAll(tell.cancels, ResponseFor(outcome.status));
}

// Room on a disk comes back; the limit on the size of a file stays as long as this process.
void Orchestrator::GiveUpAnswer(OpenTell& tell, const absl::Status& why) {
  if (tell.answer.bytes() == 0 || tell.put_off_until.has_value()) return;
  tell.outcome =
      Annotate(why, absl::StrCat("the answer of ", tell.answer.bytes(), " bytes is lost"));
  tell.answer.GiveUp();
}

// The host has it, and so have we: who waits hears why it takes longer.
void Orchestrator::OnNotStored(const std::string&, const std::vector<std::string>& ended,
                               const absl::Status& why) {
  const v1::TellProgress progress =
      NotStoredProgress("it is over, which cannot be stored yet", why);
  for (const std::string& tell_id : ended) {
    const auto open = open_.find(tell_id);
    if (open == open_.end()) continue;
    OpenTell& tell = open->second;
    const bool is_news = !tell.progress.has_value() || tell.progress->text() != progress.text();
    std::vector<CancelDone> cancels = std::exchange(tell.cancels, {});
    if (is_news) SetProgress(tell_id, progress);
    // The first time earlier writes may be in the way, which ForgetUnsaved() clears away.
    if (std::exchange(tell.was_not_stored, true) && IsOfFileSize(why)) GiveUpAnswer(tell, why);
    AnswerAll(cancels, Annotate(why, "the message is over, which cannot be stored yet"));
  }
}

void Orchestrator::Note(std::string what, StoreQueue::Write write) {
  store_.Post(std::move(write), [what = std::move(what)](const absl::Status& noted) {
    if (!noted.ok()) LogWarn(what, ": ", noted.message());
  });
}

}  // namespace iris
