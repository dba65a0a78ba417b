#ifndef IRIS_AGENT_SESSION_TURN_WATCH_H_
#define IRIS_AGENT_SESSION_TURN_WATCH_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/claude/line_scanner.h"
#include "agent/handover/handover.pb.h"
#include "agent/session/idle_watch.h"
#include "agent/session/loop_timer.h"
#include "agent/session/stall.h"
#include "common/loop/event_loop.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// Is asked to look after the tell in flight now and then.
class TurnWatchSink {
 public:
  virtual ~TurnWatchSink() = default;
  // claude is silent for long: it should be asked whether it lives, and OnProbeSent() follows.
  virtual void OnSilent() = 0;
  // CheckIdle() is due.
  virtual void OnIdleCheck() = 0;
};

// Watches claude while nothing seems to happen: why that is (StallWatch), and whether the turn of
// the tell in flight is over although no result says so (IdleWatch). Both by one clock. Lives on
// the process loop.
class TurnWatch {
 public:
  TurnWatch(EventLoop& loop, TurnWatchSink& sink)
      : loop_(loop), sink_(sink), probe_timer_(loop), idle_timer_(loop) {}

  // For tests, before the first tell.
  void set_stall_limits(const StallLimits& limits);
  void set_idle_limits(const IdleLimits& limits);

  void OnChildStarted() { idle_.OnChildStarted(); }
  // A tell is in flight, until OnTellOver(): the sink is asked.
  void OnTellWritten();
  void OnTellOver();
  // Some of a line whose end has not come.
  void OnPiece();
  // A line of claude's; `in_turn`: a tell is in flight, and it is no control line.
  void OnLine(const LineFacts& facts, absl::string_view head, bool in_turn);
  // claude takes up the tell in flight: what was broken before is no matter of it.
  void OnAnswerBegins() { idle_.OnAnswerBegins(); }
  // `what`: for people.
  void OnAsked(const std::string& request_id, const std::string& what);
  void OnAnswered(const std::string& request_id);
  // Its output is not read, since the journal is full, or the disk as well.
  void OnJournalFull(bool full, bool disk_full);
  // A child of an earlier agent is waited for: `why`, for people; empty: not any more.
  void OnDraining(absl::string_view why);

  // claude was asked whether it lives, and has used so much of the CPU. It answers.
  void OnProbeSent(absl::Duration cpu);
  void OnProbeAnswered();
  // What is due. `held`: nothing can be expected.
  IdleWatch::Due CheckIdle(bool held);
  // It used the CPU since it was asked or looked at last.
  bool HasWorked(absl::Duration cpu);
  // Its transcript does not say more.
  void OnLooked() { idle_.OnLooked(Now()); }
  bool probe_answered() const { return idle_.answered(); }
  bool says_idle() const { return idle_.says_idle(); }
  // In this turn.
  bool line_broken() const { return idle_.line_broken(); }
  bool text_lost() const { return idle_.text_lost(); }

  // None: nothing unusual.
  std::optional<v1::Stall> Diagnose() const { return stall_.Diagnose(Now()); }

  void HandOver(handover::Session& state) const;
  // As it was handed over; `in_turn`: a tell is in flight.
  void AdoptHandover(const handover::Session& before, bool in_turn);

 private:
  absl::Time Now() const { return absl::UnixEpoch() + loop_.now(); }
  void ArmTimers();
  void ArmProbe();
  void ArmIdleCheck();

  EventLoop& loop_;
  TurnWatchSink& sink_;
  StallLimits stall_limits_;
  StallWatch stall_;
  IdleLimits idle_limits_;
  IdleWatch idle_;
  // Of the child, when it was asked or looked at last in this turn.
  absl::Duration cpu_seen_;
  absl::Time cpu_seen_at_;
  LoopTimer probe_timer_;
  LoopTimer idle_timer_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_TURN_WATCH_H_
