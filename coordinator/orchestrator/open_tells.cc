#include "coordinator/orchestrator/open_tells.h"

#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "common/failure/failure.h"
#include "common/log/check.h"
#include "coordinator/orchestrator/answer_all.h"
#include "coordinator/orchestrator/kept_text.h"
#include "coordinator/orchestrator/leaving.h"

namespace iris {
namespace {

// Of all messages that are about to be sent to sessions that are ready.
constexpr size_t kTextsKeptBytesMax = 16 << 20;

// For those who follow a tell; the tell itself stays open.
absl::Status LeftOpen(bool team_has_it) {
  return MakeFailure(v1::FAILURE_DROPPED,
                     team_has_it
                         ? "the coordinator was stopped; the team keeps working on the message"
                         : "the coordinator was stopped; the message waits for the team",
                     "Nothing is lost: the next coordinator continues with it. `iris tells` "
                     "starts one and shows the message.");
}

}  // namespace

AcceptedTell& OpenTells::Add(std::unique_ptr<AcceptedTell> tell) {
  AcceptedTell& added = *tell;
  host_ids_.Note(added.id(), added.limit_waits());
  const bool is_new = by_id_.emplace(added.id(), std::move(tell)).second;
  Check(is_new, "a message is open twice");
  return added;
}

AcceptedTell* OpenTells::Find(const std::string& tell_id) {
  const auto found = by_id_.find(tell_id);
  return found == by_id_.end() ? nullptr : found->second.get();
}

const AcceptedTell* OpenTells::Find(const std::string& tell_id) const {
  const auto found = by_id_.find(tell_id);
  return found == by_id_.end() ? nullptr : found->second.get();
}

AcceptedTell& OpenTells::At(const std::string& tell_id) {
  AcceptedTell* const tell = Find(tell_id);
  Check(tell != nullptr, "a message that waits is not open");
  return *tell;
}

AcceptedTell* OpenTells::FindSent(const std::string& id_on_host) {
  AcceptedTell* const tell = Find(TellOf(id_on_host));
  const bool is_it = tell != nullptr && !tell->is_over() && tell->id_on_host() == id_on_host;
  return is_it ? tell : nullptr;
}

bool OpenTells::IsOver(const std::string& tell_id) const {
  if (tell_id.empty()) return false;
  const AcceptedTell* const tell = Find(tell_id);
  return tell == nullptr || tell->is_over();
}

void OpenTells::ForEach(absl::FunctionRef<void(AcceptedTell& tell)> what) {
  for (auto& [tell_id, tell] : by_id_) what(*tell);
}

bool OpenTells::Any(absl::FunctionRef<bool(const AcceptedTell& tell)> what) const {
  return absl::c_any_of(by_id_, [&](const auto& tell) { return what(*tell.second); });
}

void OpenTells::KeepText(AcceptedTell& tell, std::string text) {
  tell.KeepText(KeptText::Keep(std::move(text), texts_kept_bytes_, kTextsKeptBytesMax));
}

void OpenTells::SendAgain(AcceptedTell& tell) {
  host_ids_.Forget(tell.id(), tell.limit_waits());
  tell.SendAgain();
  host_ids_.Note(tell.id(), tell.limit_waits());
}

std::unique_ptr<AcceptedTell> OpenTells::Take(const std::string& tell_id) {
  const auto found = by_id_.find(tell_id);
  Check(found != by_id_.end(), "a message is settled that is not open");
  std::unique_ptr<AcceptedTell> tell = std::move(found->second);
  Check(tell->is_over() && !tell->is_put_off(), "a message is settled that is not over");
  by_id_.erase(found);
  host_ids_.Forget(tell_id, tell->limit_waits());
  return tell;
}

void OpenTells::SetProgress(std::string tell_id, v1::TellProgress progress) {
  AcceptedTell* const tell = Find(tell_id);
  if (tell == nullptr) return;
  tell->SetProgress(progress);
  for (TellObserver* observer : std::vector<TellObserver*>(tell->observers())) {
    // Who heard of it may have sent tells, and gone, and ended this one.
    const AcceptedTell* const now = Find(tell_id);
    if (now != nullptr && now->IsFollowedBy(observer)) observer->OnProgress(progress);
  }
}

void OpenTells::RemoveObserver(const std::string& tell_id, const TellObserver* observer) {
  AcceptedTell* const tell = Find(tell_id);
  if (tell != nullptr) tell->RemoveObserver(observer);
}

void OpenTells::Leave(absl::Time now) {
  has_left_ = true;
  for (auto& [tell_id, tell] : std::exchange(by_id_, {})) {
    const TellOutcome left{.status = LeftOpen(tell->given()),
                           .answer = tell->answer().Whole(),
                           .duration = now - tell->accepted_at()};
    for (TellObserver* observer : tell->observers()) observer->OnSettled(left);
    std::vector<AcceptedTell::CancelDone> cancels = tell->TakeCancels();
    AnswerAll(cancels, Leaving());
  }
  host_ids_.Clear();
}

}  // namespace iris
