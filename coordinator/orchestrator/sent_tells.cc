#include "coordinator/orchestrator/sent_tells.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/progress.h"

namespace iris {

void SentTells::OnText(const std::string& id_on_host, std::string text) {
  AcceptedTell* const tell = tells_.FindSent(id_on_host);
  if (tell != nullptr) tell->answer().Append(std::move(text), limits_.answer_bytes_max);
}

void SentTells::OnTextVoid(const std::string& id_on_host) {
  AcceptedTell* const tell = tells_.FindSent(id_on_host);
  if (tell != nullptr) tell->answer().Void();
}

void SentTells::OnStructured(const std::string& id_on_host, size_t bytes) {
  AcceptedTell* const tell = tells_.FindSent(id_on_host);
  if (tell != nullptr) tell->answer().set_structured_bytes(bytes);
}

void SentTells::OnAccount(const std::string& id_on_host, const v1::TurnAccount& account) {
  AcceptedTell* const tell = tells_.FindSent(id_on_host);
  if (tell != nullptr) tell->answer().set_account(account);
}

void SentTells::OnSettled(const std::string& id_on_host, const absl::Status& outcome) {
  AcceptedTell* const tell = tells_.FindSent(id_on_host);
  if (tell == nullptr) return;
  const size_t bytes_max = limits_.answer_bytes_max;
  if (outcome.ok() && tell->answer().IsLongerThan(bytes_max)) {
    return settling_.End(tell->id(),
                         MakeFailure(v1::FAILURE_STORAGE,
                                     absl::StrCat("the answer is longer than ", bytes_max,
                                                  " bytes; the rest was thrown away"),
                                     "Ask the team to write it to a file."));
  }
  const absl::optional<absl::Time> again =
      tell->WhenToSendAgain(outcome, store_.Now(), limits_.limit_waits);
  if (again.has_value()) return settling_.PutOff(tell->id(), outcome, *again);
  settling_.End(tell->id(), outcome);
}

absl::Status SentTells::EndWhileAway(const std::string& id_on_host, const HostAway& away) const {
  const AcceptedTell* const tell = tells_.Find(tells_.TellOf(id_on_host));
  if (tell == nullptr) return away.why;
  return iris::EndWhileAway(tell->Left(away, store_.Now(), limits_.host_wait_max), away);
}

bool SentTells::MayGive(const std::string& id_on_host, absl::AnyInvocable<void()> give_now) {
  AcceptedTell* const tell = tells_.FindSent(id_on_host);
  if (tell == nullptr) return false;
  if (tell->giving().is_queued()) MarkRunning(*tell, std::move(give_now));
  // Whoever heard that the store does not take it may have ended it.
  AcceptedTell* const marked = tells_.FindSent(id_on_host);
  return marked != nullptr && marked->giving().Give();
}

void SentTells::MarkRunning(AcceptedTell& tell, absl::AnyInvocable<void()> give_now) {
  const auto inside = std::make_shared<bool>(true);
  store_.Post([tell_id = tell.id()](Store& store) { return store.MarkRunning(tell_id); },
              [this, alive = alive_.Watch(), tell_id = tell.id(), round = tell.giving().BeginMark(),
               inside, give_now = std::move(give_now)](const absl::Status& marked) mutable {
                const bool is_marked = alive && OnMarked(tell_id, round, marked);
                if (is_marked && !*inside) give_now();
              });
  *inside = false;
}

// False: it was taken back meanwhile, or is over, or is not marked.
bool SentTells::OnMarked(const std::string& tell_id, uint64_t round, const absl::Status& marked) {
  AcceptedTell* const tell = tells_.Find(tell_id);
  if (tell == nullptr || !tell->giving().OnMarked(round, marked.ok())) return false;
  if (marked.ok()) return true;
  tells_.SetProgress(tell_id, NotStoredProgress("the message cannot be taken up yet", marked));
  return false;
}

}  // namespace iris
