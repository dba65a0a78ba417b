#ifndef IRIS_COORDINATOR_TRANSPORT_TURN_PROGRESS_H_
#define IRIS_COORDINATOR_TRANSPORT_TURN_PROGRESS_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/loop/event_loop.h"
#include "coordinator/transport/transport.h"
#include "coordinator/transport/turn_text.h"

namespace iris {

// What is said to people who wait of the turn of the tell in flight: another tool at once; words,
// of which many come, only now and then, and the last of them always. Lives on the loop.
class TurnProgress {
 public:
  static constexpr absl::Duration kApart = absl::Milliseconds(250);

  using Say = std::function<void(const TransportProgress&)>;

  TurnProgress(EventLoop& loop, Say say) : loop_(loop), say_(std::move(say)) {}
  ~TurnProgress() { Pause(); }
  TurnProgress(const TurnProgress&) = delete;
  TurnProgress& operator=(const TurnProgress&) = delete;

  // Claude got the tell, now.
  void OnWritten();
  void OnDoing(const TurnText::Doing& doing);
  // The tell is settled.
  void OnSettled();
  // What was not said yet is not said by itself any more.
  void Pause() { loop_.Cancel(std::exchange(timer_, 0)); }

  // The stage kWorking, since when, with this text.
  TransportProgress Working(std::string text) const;

 private:
  void Forget();
  void SayDoing();

  EventLoop& loop_;
  const Say say_;
  // When the tell in flight was written, as far as was seen here, by the loop's clock; what its
  // turn does now; and what was said last of that, and when.
  absl::optional<absl::Duration> written_at_;
  TurnText::Doing doing_;
  TurnText::Doing said_;
  absl::Duration said_at_ = -absl::InfiniteDuration();
  EventLoop::TimerId timer_ = 0;  // Runs while it is too soon to say more.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TURN_PROGRESS_H_
