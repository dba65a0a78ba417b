#include "coordinator/service/tell_updates.h"

#include <algorithm>

#include "common/failure/failure.h"

namespace iris {
namespace {

constexpr size_t kFrameBytesMax = 256 << 10;

}  // namespace

absl::optional<v1::TellUpdate> TellUpdates::Next() {
  if (accepted_.has_value()) {
    accepted_sent_ = true;
    return std::exchange(accepted_, absl::nullopt);
  }
  if (progress_.has_value()) return std::exchange(progress_, absl::nullopt);
  if (!outcome_.has_value() || settled_sent_) return absl::nullopt;
  if (answer_sent_ < outcome_->answer->size()) return AnswerFrame();
  settled_sent_ = true;
  return SettledUpdate();
}

void TellUpdates::OnAccepted(const std::string& session_id) {
  accepted_.emplace();
  accepted_->mutable_accepted()->set_tell_id(tell_id_);
  accepted_->mutable_accepted()->set_session_id(session_id);
  on_news_();
}

void TellUpdates::OnProgress(const v1::TellProgress& progress) {
  progress_.emplace();
  *progress_->mutable_progress() = progress;
  on_news_();
}

void TellUpdates::OnSettled(const TellOutcome& outcome) {
  outcome_ = outcome;
  on_news_();
}

v1::TellUpdate TellUpdates::AnswerFrame() {
  const std::string& answer = *outcome_->answer;
  const size_t size = std::min(kFrameBytesMax, answer.size() - answer_sent_);
  v1::TellUpdate update;
  update.set_answer(answer.data() + answer_sent_, size);
  answer_sent_ += size;
  return update;
}

v1::TellUpdate TellUpdates::SettledUpdate() const {
  v1::TellUpdate update;
  v1::TellSettled* settled = update.mutable_settled();
  if (!outcome_->status.ok()) *settled->mutable_failure() = ToProto(outcome_->status);
  settled->set_answer_bytes(outcome_->answer->size());
  settled->set_structured_bytes(outcome_->structured_bytes);
  settled->set_duration_ms(absl::ToInt64Milliseconds(outcome_->duration));
  return update;
}

}  // namespace iris
