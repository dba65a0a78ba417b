#include "coordinator/desk/tell_updates.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "common/failure/failure.h"
#include "common/log/check.h"
#include "coordinator/desk/frame_bytes.h"

namespace iris {

absl::StatusOr<absl::optional<v1::TellUpdate>> TellUpdates::Next() {
  if (!refused_.ok()) return refused_;
  if (accepted_.has_value()) {
    accepted_sent_ = true;
    return std::exchange(accepted_, absl::nullopt);
  }
  if (progress_.has_value()) return std::exchange(progress_, absl::nullopt);
  if (!outcome_.has_value() || settled_sent_) return absl::optional<v1::TellUpdate>();
  if (answer_sent_ < answer_bytes_) return AnswerFrame();
  settled_sent_ = true;
  return absl::make_optional(SettledUpdate());
}

void TellUpdates::OnAccepted(const std::string& session_id) {
  accepted_.emplace();
  accepted_->mutable_accepted()->set_tell_id(tell_id_);
  accepted_->mutable_accepted()->set_session_id(session_id);
  on_news_();
}

void TellUpdates::OnRefused(const absl::Status& why) {
  refused_ = why;
  on_news_();
}

void TellUpdates::OnProgress(const v1::TellProgress& progress) {
  progress_.emplace();
  *progress_->mutable_progress() = progress;
  on_news_();
}

void TellUpdates::OnSettled(const TellOutcome& outcome) {
  Check(!outcome_.has_value(), "a message is settled twice for who follows it");
  outcome_ = outcome;
  answer_bytes_ = outcome.answer->size();
  if (answer_bytes_ > AnswerText::kSmallBytesMax) {
    answer_text_.Offer(tell_id_, std::exchange(outcome_->answer, nullptr));
  }
  on_news_();
}

absl::StatusOr<absl::optional<v1::TellUpdate>> TellUpdates::AnswerFrame() {
  std::shared_ptr<const std::string> answer = outcome_->answer;
  if (answer == nullptr) {
    const auto held = answer_text_.Get(tell_id_, answer_bytes_);
    if (!held.ok()) return held.status();
    if (*held == nullptr) return absl::optional<v1::TellUpdate>();
    answer = *held;
  }
  const size_t size = std::min(kFrontEndFrameBytesMax, answer_bytes_ - answer_sent_);
  v1::TellUpdate update;
  update.set_answer(answer->data() + answer_sent_, size);
  answer_sent_ += size;
  if (answer_sent_ == answer_bytes_) answer_text_.Drop();
  return absl::make_optional(std::move(update));
}

v1::TellUpdate TellUpdates::SettledUpdate() const {
  v1::TellUpdate update;
  v1::TellSettled* settled = update.mutable_settled();
  if (!outcome_->status.ok()) *settled->mutable_failure() = ToProto(outcome_->status);
  settled->set_answer_bytes(answer_bytes_);
  settled->set_structured_bytes(outcome_->structured_bytes);
  settled->set_duration_ms(absl::ToInt64Milliseconds(outcome_->duration));
  if (IsKnown(outcome_->account)) *settled->mutable_account() = outcome_->account;
  return update;
}

}  // namespace iris
