#ifndef IRIS_COORDINATOR_LINK_LINK_MACHINE_H_
#define IRIS_COORDINATOR_LINK_LINK_MACHINE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/failure/failure.h"
#include "coordinator/link/retry.h"

namespace iris {

enum class LinkState : uint8_t {
  kDown,           // Nobody wants it, or nobody has yet.
  kConnecting,     // An attempt is under way.
  kBootstrapping,  // The same, and the host's shell has answered.
  kUp,
  kSuspect,  // Up, and silent since a probe.
  kEnding,   // The wire is lost; what is left of it is being ended.
  kWaiting,  // Until retry_at().
  kBlocked,  // Trying again cannot mend it.
};
inline constexpr int kLinkStates = 8;

enum class LinkEvent : uint8_t {
  kAsked,          // Somebody wants the host, for the first time or anew.
  kUnwanted,       // The last one who wanted it does not any more.
  kProgress,       // Of the attempt, beyond the connection.
  kConnected,      // The attempt has a wire and a hello.
  kFailed,         // The attempt failed, or what was lost has ended. Trying again may mend it.
  kFailedForGood,  // The same, but it cannot (RetryMends()).
  kProofOfLife,    // Bytes came from the host.
  kSilence,        // None came since a probe, for too long to be at ease.
  kWireLost,       // The wire ended, or was silent for too long to be alive.
  kRetryDue,       // retry_at() has come.
  kWokeUp,         // This machine slept, or its network changed.
};
inline constexpr int kLinkEvents = 11;

// What is to be done after an event, in this order.
struct LinkActions {
  bool cancel_retry = false;   // The retry timer.
  bool arm_retry = false;      // For retry_at().
  bool begin_ending = false;   // End the wire and what keeps it; kFailed or kFailedForGood follows.
  bool start_attempt = false;  // kConnected, kFailed or kFailedForGood follows.
  bool probe_now = false;
  bool report_progress = false;  // Observers.
  bool report_up = false;
  bool report_down = false;  // With `retries` = the state is kWaiting.

  friend bool operator==(const LinkActions&, const LinkActions&) = default;
};

// The life of a link: what each event does in each state. Knows neither threads nor wires nor time:
// it hears what happens, and when, and answers what is to be done.
//
//            Want()             shell answers           hello
//   down ─────────▶ connecting ─────────────▶ bootstrapping ─────▶ up ⇄ suspect
//     ▲               ▲   │ failed                │                 │      │
//     │ nobody wants  │   ▼                       ▼                 ▼ wire lost
//     └─────────── waiting(until t) ◀──────────────────────────── ending
//                     blocked ◀── where trying again cannot mend it ──┘
//
// While somebody wants it, it never gives up: the waits grow to 30 s (Backoff) and start small
// again once the link was up for kSteady. Only kBlocked tries nothing until asked again.
//
// Not thread-safe.
class LinkMachine {
 public:
  static constexpr absl::Duration kSteady = absl::Seconds(10);

  // `seed` of the jitter.
  explicit LinkMachine(uint64_t seed, const Backoff::Limits& waits = Backoff::Limits())
      : backoff_(seed, waits) {}

  // `now` is of a clock that never jumps and has any beginning. An event that cannot come in this
  // state is a bug of the caller, and ends the process.
  LinkActions Handle(LinkEvent event, absl::Duration now);
  // kFailed or kFailedForGood.
  LinkActions Fail(FailureKind kind, absl::Duration now) {
    return Handle(RetryMends(kind) ? LinkEvent::kFailed : LinkEvent::kFailedForGood, now);
  }
  // Whether Handle() takes `event` now.
  bool Possible(LinkEvent event) const;

  LinkState state() const { return state_; }
  bool wanted() const { return wanted_; }
  bool up() const { return state_ == LinkState::kUp || state_ == LinkState::kSuspect; }
  bool attempting() const {
    return state_ == LinkState::kConnecting || state_ == LinkState::kBootstrapping;
  }
  absl::Duration retry_at() const { return retry_at_; }  // While kWaiting.
  uint64_t losses() const { return losses_; }            // Times that the wire was lost.

 private:
  void ArmRetry(absl::Duration now);

  Backoff backoff_;
  LinkState state_ = LinkState::kDown;
  bool wanted_ = false;
  bool asked_anew_ = false;  // While kEnding: the next attempt does not wait.
  absl::Duration up_since_;
  absl::Duration retry_at_;
  uint64_t losses_ = 0;
};

// "down", "connecting", …: as `iris status` says it.
absl::string_view LinkStateName(LinkState state);
absl::string_view LinkEventName(LinkEvent event);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LINK_MACHINE_H_
