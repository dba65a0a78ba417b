#include "coordinator/orchestrator/settling.h"

#include <memory>
#include <utility>

#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/answer_all.h"
#include "coordinator/orchestrator/progress.h"
#include "coordinator/orchestrator/tell.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {
namespace {

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

v1::CancelTellOfResponse ResponseFor(const absl::Status& outcome) {
  v1::CancelTellOfResponse response;
  if (!outcome.ok()) *response.mutable_failure() = ToProto(outcome);
  return response;
}

}  // namespace

void Settling::End(const std::string& tell_id, const absl::Status& outcome) {
  AcceptedTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr || tell->is_over()) return;
  tell->End(outcome, answer_bytes_max_);
  OnOver(*tell);
}

void Settling::PutOff(const std::string& tell_id, const absl::Status& outcome, absl::Time until) {
  AcceptedTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr || tell->is_over()) return;
  tell->PutOff(outcome, until, answer_bytes_max_);
  OnOver(*tell);
}

void Settling::OnOver(const AcceptedTell& tell) {
  wayless_.Remove(tell.id());
  checkpoints_.End(tell.session_id(), tell.id());
}

void Settling::StopForGood(const std::string& tell_id) {
  AcceptedTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr) return;
  if (tell->given() && !tell->is_over()) tell->NoteCancelOnHost();
  End(tell_id, StoppedForGood(tell->given()));
}

absl::optional<UnsavedText> Settling::UnsavedTextOf(const std::string& session_id) {
  const AcceptedTell* const tell = tells_.Find(sink_.InFlightOf(session_id));
  if (tell == nullptr || tell->is_over()) return absl::nullopt;
  return tell->answer().Unsaved(tell->id());
}

std::variant<TellEnd, Postponement> Settling::OutcomeOf(const std::string& tell_id) {
  return tells_.At(tell_id).Outcome();
}

void Settling::OnMarkStored(const std::string& session_id, const ReadMark& mark) {
  sink_.OnMarkStored(session_id, mark);
}

void Settling::OnTextStored(const std::string& tell_id, size_t bytes, uint64_t round) {
  AcceptedTell* const tell = tells_.Find(tell_id);
  if (tell != nullptr) tell->answer().OnStored(bytes, round);
}

void Settling::OnPutOffStored(const std::string& tell_id) {
  AcceptedTell& tell = tells_.At(tell_id);
  tells_.SendAgain(tell);
  sink_.OnSentAgain(tell);
}

void Settling::OnEndsStored(const std::vector<std::string>& tell_ids) {
  std::vector<std::unique_ptr<AcceptedTell>> settled;
  for (const std::string& tell_id : tell_ids) settled.push_back(tells_.Take(tell_id));
  for (const std::unique_ptr<AcceptedTell>& tell : settled) TellWhoWaits(*tell);
}

void Settling::TellWhoWaits(AcceptedTell& tell) {
  sink_.OnSettled(tell);
  const TellOutcome outcome{.status = tell.outcome(),
                            .answer = tell.answer().Whole(),
                            .duration = store_.Now() - tell.accepted_at(),
                            .structured_bytes = tell.answer().structured_bytes(),
                            .account = tell.answer().account()};
  for (TellObserver* observer : tell.observers()) observer->OnSettled(outcome);
  if (tell.cancels() == 0) return;
  // Who cancelled it knows.
  if (KindOf(outcome.status) == v1::FAILURE_CANCELLED) fetched_.Mark(tell.id());
  std::vector<AcceptedTell::CancelDone> cancels = tell.TakeCancels();
  AnswerAll(cancels, ResponseFor(outcome.status));
}

// The host has it, and so have we: who waits hears why it takes longer.
void Settling::OnNotStored(const std::string&, const std::vector<std::string>& ended,
                           const absl::Status& why) {
  const v1::TellProgress progress =
      NotStoredProgress("it is over, which cannot be stored yet", why);
  for (const std::string& tell_id : ended) {
    AcceptedTell* tell = tells_.Find(tell_id);
    if (tell == nullptr) continue;
    std::vector<AcceptedTell::CancelDone> cancels = tell->TakeCancels();
    if (!tell->Says(progress.text())) tells_.SetProgress(tell_id, progress);
    tell = tells_.Find(tell_id);
    // Room on a disk comes back; the limit on the size of a file stays as long as this process. The
    // first time earlier writes may be in the way, which ForgetUnsaved() clears away.
    const bool is_hopeless = tell != nullptr && tell->NoteNotStored() && IsOfFileSize(why);
    if (is_hopeless) tell->GiveUpAnswer(why);
    AnswerAll(cancels, Annotate(why, "the message is over, which cannot be stored yet"));
  }
}

}  // namespace iris
