#ifndef IRIS_COORDINATOR_LINK_SEND_WINDOW_H_
#define IRIS_COORDINATOR_LINK_SEND_WINDOW_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <utility>

#include "absl/time/time.h"
#include "coordinator/link/rate_window.h"

namespace iris {

// Paces what goes to a host, over all streams of one link: two seconds' worth of it are on their
// way. A client program takes megabytes that a slow network has not, and whatever is said next
// would wait behind them. What has arrived is known from probes: they travel behind what was
// written before them, and agents of any build answer them. Lives on the coordinator's loop.
//
//   frame ─▶ OnWritten ─▶ … ─▶ a probe behind every quarter of the window ─▶ OnAnswered ─▶ room
//
// While there is no room a probe is on its way, so whoever waits hears of room: what is written
// last is asked after once everything before it has arrived. Only the time with a probe on its way
// is measured: a link on which nothing is said is not slow.
class SendWindow {
 public:
  class Sender {
   public:
    virtual ~Sender() = default;
    virtual void OnRoom() = 0;
  };
  // Sends a probe, at the latest after the one that is being written; returns its nonce. 0: the
  // wire is gone.
  using Ask = std::function<uint64_t()>;

  SendWindow(const RateWindow::Limits& limits, Ask ask, absl::Duration now)
      : window_(limits, now), ask_(std::move(ask)) {}

  bool has_room() const { return unanswered_ < window_.bytes(); }
  // There is no room: `sender` hears OnRoom(), once, when there is; until Leave().
  void Wait(Sender& sender) { waiting_.insert(&sender); }
  void Leave(Sender& sender) { waiting_.erase(&sender); }

  // So many bytes have left this process.
  void OnWritten(uint64_t bytes, absl::Duration now);
  // Everything that was written before this probe has arrived.
  void OnAnswered(uint64_t nonce, absl::Duration now);
  // No more is asked: the wire is gone, and its streams are about to hear of it.
  void Stop() {
    ask_ = [] { return uint64_t{0}; };
  }

 private:
  struct Asked {
    uint64_t nonce;
    uint64_t bytes;  // Written since the probe before it.
  };
  void AskNow();

  RateWindow window_;
  Ask ask_;
  uint64_t unanswered_ = 0;  // Bytes that were written.
  uint64_t unasked_ = 0;     // Those of them that no probe is behind.
  std::deque<Asked> asked_;
  std::set<Sender*> waiting_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_SEND_WINDOW_H_
