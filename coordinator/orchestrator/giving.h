#ifndef IRIS_COORDINATOR_ORCHESTRATOR_GIVING_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_GIVING_H_

#include <cstdint>

#include "common/log/check.h"

namespace iris {

// How far an open tell has come on its way to a host, and what the store knows of that.
//
//   queued ── BeginMark() ──▶ being marked ── OnMarked() ──▶ running ── Give() ──▶ given
//      ▲                           └── the store does not take it ──┐   │            │
//      └─────────────── TakeBack(), SendAgain() ────────────────────┴───┴────────────┘
//
// From running on a later life takes it for given: so it is marked, in the store, before it is
// given, and what is stored as queued no host has got. Not thread-safe.
class Giving {
 public:
  // A new tell. `is_running`: it was stored so, to be given at once.
  static Giving OfNew(bool is_running) {
    return Giving(is_running ? State::kRunning : State::kQueued, /*may_be_there=*/false);
  }
  // One that an earlier life has left. Whatever the store says, its host may have it: it may be a
  // copy that was put back, from before the host got it.
  static Giving OfEarlierLife(bool is_running) {
    return Giving(is_running ? State::kGiven : State::kQueued, /*may_be_there=*/true);
  }

  // The host may have it.
  bool given() const { return state_ == State::kGiven; }
  // Some life may have passed it on, this one or one that nobody remembers.
  bool may_be_there() const { return may_be_there_; }
  // It is to be marked before it is given, and is not being marked.
  bool is_queued() const { return state_ == State::kQueued; }

  // It is being marked as running in the store. Returns the round, for OnMarked(). It is queued.
  uint64_t BeginMark() {
    Check(is_queued(), "a message is marked as running that is not queued");
    state_ = State::kMarking;
    return round_;
  }
  // The store has said how that went. False: it was taken back meanwhile, and nothing changes.
  bool OnMarked(uint64_t round, bool is_stored) {
    if (round != round_ || state_ != State::kMarking) return false;
    state_ = is_stored ? State::kRunning : State::kQueued;
    return true;
  }
  // It goes to its host now. False: not yet, the store does not know it.
  bool Give() {
    if (state_ != State::kRunning && state_ != State::kGiven) return false;
    state_ = State::kGiven;
    return true;
  }

  // No host has got it, and none gets it for now.
  void TakeBack() {
    state_ = State::kQueued;
    ++round_;
  }
  // Its host had it, and is to get it once more, under another id.
  void SendAgain() {
    state_ = State::kQueued;
    may_be_there_ = true;  // After a store that was put back from a copy.
    ++round_;
  }

 private:
  enum class State { kQueued, kMarking, kRunning, kGiven };

  Giving(State state, bool may_be_there) : state_(state), may_be_there_(may_be_there) {}

  State state_;
  bool may_be_there_;
  uint64_t round_ = 0;  // So often it was taken back, or is to be sent again.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_GIVING_H_
