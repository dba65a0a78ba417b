#include "coordinator/orchestrator/growing_answer.h"

#include <algorithm>

#include "common/log/check.h"

namespace iris {

void GrowingAnswer::Append(absl::string_view text, size_t bytes_max) {
  Check(whole_ == nullptr, "an answer grows that is whole");
  const size_t max = bytes_max + 1;
  const absl::string_view fits = text.substr(0, max - std::min(max, text_.size()));
  text_.append(fits.data(), fits.size());
}

void GrowingAnswer::Void() {
  Check(whole_ == nullptr, "an answer is void that is whole");
  StartAnew();
  stored_text_is_void_ = true;
}

void GrowingAnswer::StartAnew() {
  text_.clear();
  ++round_;
  structured_bytes_ = 0;
  account_.Clear();
  stored_bytes_ = 0;
  stored_text_is_void_ = false;
}

UnsavedText GrowingAnswer::Unsaved(const std::string& tell_id) const {
  Check(stored_bytes_ <= text_.size(), "more is stored of an answer than there is");
  return {.tell_id = tell_id,
          .void_before = stored_text_is_void_,
          .text_at = stored_bytes_,
          .text = text_.substr(stored_bytes_),
          .round = round_};
}

void GrowingAnswer::OnStored(size_t bytes, uint64_t round) {
  // What became void meanwhile is so in the store too, until the next time.
  if (round_ != round) return;
  stored_text_is_void_ = false;
  stored_bytes_ += bytes;
}

void GrowingAnswer::Finish(size_t bytes_max, bool is_answered) {
  text_.resize(std::min(text_.size(), bytes_max));
  if (!is_answered) structured_bytes_ = 0;
}

void GrowingAnswer::GiveUp() {
  text_.clear();
  whole_ = nullptr;
  structured_bytes_ = 0;
  stored_bytes_ = 0;
}

std::shared_ptr<const std::string> GrowingAnswer::Whole() {
  if (whole_ == nullptr) {
    whole_ = std::make_shared<const std::string>(std::move(text_));
    text_.clear();
  }
  return whole_;
}

}  // namespace iris
