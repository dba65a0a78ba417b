#include "coordinator/desk/answer_text.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/failure.h"
#include "coordinator/caller/caller.h"
#include "coordinator/orchestrator/tell.h"

namespace iris {
namespace {

class AnswerReader final : public TellObserver {
 public:
  std::shared_ptr<const std::string> answer;

 private:
  void OnAccepted(const std::string&) override {}
  void OnProgress(const v1::TellProgress&) override {}
  void OnSettled(const TellOutcome& outcome) override { answer = outcome.answer; }
};

}  // namespace

void AnswerText::Offer(const std::string& tell_id, std::shared_ptr<const std::string> answer) {
  if (answer_ != nullptr) Drop();
  if (HasRoom(answer->size())) Hold(tell_id, std::move(answer));
}

absl::StatusOr<std::shared_ptr<const std::string>> AnswerText::Get(const std::string& tell_id,
                                                                   size_t bytes) {
  if (answer_ != nullptr && tell_id_ == tell_id) {
    WaitForNext();
    return answer_;
  }
  // Only then: whose turn it is to get on beyond the budget would give that away.
  if (answer_ != nullptr) Drop();
  if (!HasRoom(bytes)) return nullptr;
  absl::StatusOr<std::shared_ptr<const std::string>> answer = Read(tell_id);
  if (answer.ok() && (*answer)->size() != bytes) {
    // Dropped: its time or its room was over.
    answer = MakeFailure(v1::FAILURE_INTERNAL,
                         absl::StrCat("the answer of ", tell_id, " is not in the store any more"));
  }
  if (answer.ok()) {
    Hold(tell_id, *answer);
  } else {
    Drop();  // Room for others.
  }
  return answer;
}

void AnswerText::Hold(const std::string& tell_id, std::shared_ptr<const std::string> answer) {
  tell_id_ = tell_id;
  answer_ = std::move(answer);
  memory_.Set(answer_->size());
  WaitForNext();
}

absl::StatusOr<std::shared_ptr<const std::string>> AnswerText::Read(const std::string& tell_id) {
  AnswerReader reader;
  // Whoever asks was given the outcome: it is theirs.
  const absl::Status found =
      desk_.Follow(tell_id, {.caller = Caller::CommandLine()}, /*asker_waits=*/false, &reader);
  if (!found.ok()) return found;
  if (reader.answer != nullptr) return reader.answer;
  desk_.RemoveObserver(tell_id, &reader);
  return MakeFailure(v1::FAILURE_INTERNAL,
                     absl::StrCat("the answer of ", tell_id, " is not in the store"));
}

void AnswerText::WaitForNext() {
  if (patience_ != 0) loop_.Cancel(patience_);
  patience_ = loop_.After(kPatience, [this] {
    patience_ = 0;
    Drop();
  });
}

void AnswerText::Drop() {
  if (patience_ != 0) loop_.Cancel(std::exchange(patience_, 0));
  tell_id_.clear();
  answer_.reset();
  memory_.Set(0);
}

}  // namespace iris
