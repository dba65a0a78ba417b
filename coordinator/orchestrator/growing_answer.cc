#include "coordinator/orchestrator/growing_answer.h"

#include <algorithm>

#include "absl/strings/string_view.h"
#include "common/log/check.h"

namespace iris {

void GrowingAnswer::Append(std::string text, size_t bytes_max) {
  Check(whole_ == nullptr, "an answer grows that is whole");
  const size_t max = bytes_max + 1;
  text.resize(std::min(text.size(), max - std::min(max, bytes())));
  if (text_ == nullptr) {
    text_ = std::make_shared<std::string>(std::move(text));
    return;
  }
  const size_t size = text_->size() + text.size();
  const bool is_being_stored = text_.use_count() > 1;
  if (is_being_stored && text_->capacity() < size) {
    const auto grown = std::make_shared<std::string>();
    grown->reserve(std::max(size, 2 * text_->capacity()));
    grown->append(*text_);
    text_ = grown;
  }
  text_->append(text);
}

void GrowingAnswer::Void() {
  Check(whole_ == nullptr, "an answer is void that is whole");
  StartAnew();
  stored_text_is_void_ = true;
}

void GrowingAnswer::StartAnew() {
  text_ = nullptr;
  ++round_;
  structured_bytes_ = 0;
  account_.Clear();
  stored_bytes_ = 0;
  stored_text_is_void_ = false;
}

UnsavedText GrowingAnswer::Unsaved(const std::string& tell_id) const {
  Check(stored_bytes_ <= bytes(), "more is stored of an answer than there is");
  const absl::string_view all = text_ == nullptr ? absl::string_view() : *text_;
  return {.tell_id = tell_id,
          .void_before = stored_text_is_void_,
          .text_at = stored_bytes_,
          .text = all.substr(stored_bytes_),
          .held_by = text_,
          .round = round_};
}

void GrowingAnswer::OnStored(size_t bytes, uint64_t round) {
  // What became void meanwhile is so in the store too, until the next time.
  if (round_ != round) return;
  stored_text_is_void_ = false;
  stored_bytes_ += bytes;
}

void GrowingAnswer::Finish(size_t bytes_max, bool is_answered) {
  if (IsLongerThan(bytes_max)) text_ = std::make_shared<std::string>(*text_, 0, bytes_max);
  if (!is_answered) structured_bytes_ = 0;
}

void GrowingAnswer::GiveUp() {
  text_ = nullptr;
  whole_ = nullptr;
  structured_bytes_ = 0;
  stored_bytes_ = 0;
}

std::shared_ptr<const std::string> GrowingAnswer::Whole() {
  if (whole_ == nullptr) whole_ = std::exchange(text_, nullptr);
  if (whole_ == nullptr) whole_ = std::make_shared<const std::string>();
  return whole_;
}

}  // namespace iris
