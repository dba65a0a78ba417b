#ifndef IRIS_COORDINATOR_TRANSPORT_TELL_SENDER_H_
#define IRIS_COORDINATOR_TRANSPORT_TELL_SENDER_H_

#include <functional>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/loop/event_loop.h"
#include "coordinator/transport/pending_tells.h"
#include "coordinator/transport/session_calls.h"
#include "coordinator/transport/transport.h"

namespace iris {

// Sends the tells of a session over the stream that is open, each once, in their order, and as far
// as they may be sent. Lives on the loop.
class TellSender {
 public:
  // `again` is called in a while, where a tell could not be given.
  TellSender(EventLoop& loop, PendingTells& tells, SessionCalls& calls, TransportSink& sink,
             std::function<void()> again)
      : loop_(loop), tells_(tells), calls_(calls), sink_(sink), again_(std::move(again)) {}
  ~TellSender() { Pause(); }
  TellSender(const TellSender&) = delete;
  TellSender& operator=(const TellSender&) = delete;

  // Nobody knows what the host has got: each tell is said to be sent again from now on.
  void RepeatAll() { repeats_all_ = true; }
  // While attached. `in_flight`: as ReadMark has it. False: a new tell waits until the host has
  // heard how the team is launched now, which it has where `launch_is_current`.
  bool Send(bool launch_is_current, absl::string_view in_flight);
  // TransportSink::MayGive() would say yes now: what waits for that goes at once.
  void GiveNow() {
    if (timer_ == 0) return;
    Pause();
    again_();
  }
  // There is no contact any more.
  void Pause() { loop_.Cancel(std::exchange(timer_, 0)); }

 private:
  void TryAgainLater();

  EventLoop& loop_;
  PendingTells& tells_;
  SessionCalls& calls_;
  TransportSink& sink_;
  const std::function<void()> again_;
  bool repeats_all_ = false;
  EventLoop::TimerId timer_ = 0;  // Runs while a tell may not be given yet.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TELL_SENDER_H_
