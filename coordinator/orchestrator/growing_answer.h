#ifndef IRIS_COORDINATOR_ORCHESTRATOR_GROWING_ANSWER_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_GROWING_ANSWER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "coordinator/orchestrator/checkpoints.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What an open tell has been answered so far, and how much of that the store has. Not thread-safe.
//
//   Append(), Void() ──▶ text ── Unsaved(), OnStored() ──▶ stored      Whole(): it is over
class GrowingAnswer {
 public:
  // What an earlier life has stored of it.
  void Restore(std::string stored) {
    stored_bytes_ = stored.size();
    text_ = std::make_shared<std::string>(std::move(stored));
  }
  // One byte more than `bytes_max` is kept: that says that it is too long, in the next life too.
  // A long text is not copied, if it is the first one.
  void Append(std::string text, size_t bytes_max);
  bool IsLongerThan(size_t bytes_max) const { return bytes() > bytes_max; }
  // The text so far does not count, nor what the store has of it.
  void Void();
  // The same where the store knows that already.
  void StartAnew();
  void set_structured_bytes(size_t bytes) { structured_bytes_ = bytes; }
  void set_account(const v1::TurnAccount& account) { account_ = account; }

  UnsavedText Unsaved(const std::string& tell_id) const;
  // So much of what was unsaved in that round is in the store.
  void OnStored(size_t bytes, uint64_t round);

  // There is no more of it: what is too long is cut off, and only an answer has a structured end.
  void Finish(size_t bytes_max, bool is_answered);
  // It is over, and nothing of it can be kept. What Whole() gave out stays.
  void GiveUp();
  // All of it, for as long as somebody needs it; nothing is added any more.
  std::shared_ptr<const std::string> Whole();

  size_t bytes() const {
    if (whole_ != nullptr) return whole_->size();
    return text_ == nullptr ? 0 : text_->size();
  }
  size_t structured_bytes() const { return structured_bytes_; }
  // So much of the beginning of it is in the store.
  size_t stored_bytes() const {
    return stored_text_is_void_ ? 0 : std::min(stored_bytes_, bytes());
  }
  const v1::TurnAccount& account() const { return account_; }

 private:
  // Null: empty. Shared with what stores its beginning, on another thread: bytes that are there
  // stay as they are and where they are.
  std::shared_ptr<std::string> text_;
  std::shared_ptr<const std::string> whole_;  // Once it is over; `text_` is null then.
  uint64_t round_ = 0;                        // So often the text was void.
  size_t structured_bytes_ = 0;               // The last ones of it are JSON.
  v1::TurnAccount account_;                   // As in TellOutcome.
  size_t stored_bytes_ = 0;                   // How much of it the last checkpoint holds.
  bool stored_text_is_void_ = false;          // What the store has of it does not count.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_GROWING_ANSWER_H_
