#ifndef IRIS_AGENT_SESSION_TURN_H_
#define IRIS_AGENT_SESSION_TURN_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/claude/limit_watch.h"
#include "agent/session/tell_queue.h"
#include "common/loop/event_loop.h"

namespace iris {

// What a session knows of the tell in flight, from its line to its end, and of no other one. Its
// timers end with it. Lives on the process loop.
struct Turn {
  using CancelDone = TellQueue::CancelDone;

  // The tell is being cancelled.
  struct Interrupt {
    bool awaits_answer = false;           // claude was asked to stop, and has not answered.
    std::optional<absl::Status> outcome;  // The turn is over already.
    std::vector<CancelDone> done;
  };

  Turn(EventLoop& loop, std::string id) : tell_id(std::move(id)), loop_(loop) {}
  ~Turn() {
    for (const EventLoop::TimerId timer : {probe_timer, idle_timer, await_timer, interrupt_timer}) {
      loop_.Cancel(timer);
    }
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  const std::string tell_id;
  bool replay_seen = false;      // claude has repeated its line: from here on it answers.
  bool spoke_before = false;     // It said something before that, of something else.
  bool permission_lost = false;  // claude was cut off while it waited for one.
  // Who sent the tell may not have read how the turn began: all of it is told anew at its end.
  bool owes_whole = false;
  LimitWatch limit;
  // Of the child, when it was asked or looked at last.
  absl::Duration cpu_seen;
  absl::Time cpu_seen_at;
  // The turn has ended well, and its transcript is waited for: the result line, where it is short.
  std::optional<std::string> awaited_for;
  std::unique_ptr<Interrupt> interrupt;

  // 0, or one that has run: nothing to cancel.
  EventLoop::TimerId probe_timer = 0;
  EventLoop::TimerId idle_timer = 0;
  EventLoop::TimerId await_timer = 0;
  EventLoop::TimerId interrupt_timer = 0;

 private:
  EventLoop& loop_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_TURN_H_
