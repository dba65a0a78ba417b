#include "coordinator/link/send_window.h"

#include "common/log/check.h"

namespace iris {

void SendWindow::OnWritten(uint64_t bytes, absl::Duration now) {
  if (asked_.empty()) window_.Begin(now);
  unanswered_ += bytes;
  unasked_ += bytes;
  if (unasked_ >= window_.bytes() / 4) AskNow();
}

void SendWindow::AskNow() {
  const uint64_t nonce = ask_();
  if (nonce == 0) return;
  asked_.push_back({.nonce = nonce, .bytes = std::exchange(unasked_, 0)});
}

void SendWindow::OnAnswered(uint64_t nonce, absl::Duration now) {
  if (asked_.empty()) return;  // Asked by somebody else, and there is room.
  for (; !asked_.empty() && asked_.front().nonce <= nonce; asked_.pop_front()) {
    Check(unanswered_ >= asked_.front().bytes, "more arrived than was written");
    unanswered_ -= asked_.front().bytes;
    window_.OnArrived(asked_.front().bytes, now);
  }
  // The window may have shrunk to less than that, and nobody writes then who would ask.
  if (asked_.empty() && unasked_ > 0) AskNow();
  const std::set<Sender*> waiting(waiting_);
  for (Sender* sender : waiting) {
    if (!has_room()) return;
    if (waiting_.erase(sender) > 0) sender->OnRoom();
  }
}

}  // namespace iris
