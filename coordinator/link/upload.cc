#include "coordinator/link/upload.h"

namespace iris {

void Upload::Wait(Sender& sender) {
  waiting_.insert(&sender);
  // The window may have shrunk to what no probe is behind.
  if (asked_.empty()) AskNow();
}

void Upload::OnWritten(uint64_t bytes, absl::Duration now) {
  if (unanswered_ == 0) window_.Begin(now);
  unanswered_ += bytes;
  unasked_ += bytes;
  if (unasked_ >= window_.bytes() / 4) AskNow();
}

void Upload::AskNow() {
  const uint64_t nonce = ask_();
  if (nonce == 0) return;
  asked_.push_back({.nonce = nonce, .bytes = std::exchange(unasked_, 0)});
}

void Upload::OnAnswered(uint64_t nonce, absl::Duration now) {
  for (; !asked_.empty() && asked_.front().nonce <= nonce; asked_.pop_front()) {
    unanswered_ -= asked_.front().bytes;
    window_.OnArrived(asked_.front().bytes, now);
  }
  const std::set<Sender*> waiting(waiting_);
  for (Sender* sender : waiting) {
    if (!has_room()) return;
    if (waiting_.erase(sender) > 0) sender->OnRoom();
  }
}

}  // namespace iris
