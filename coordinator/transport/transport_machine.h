#ifndef IRIS_COORDINATOR_TRANSPORT_TRANSPORT_MACHINE_H_
#define IRIS_COORDINATOR_TRANSPORT_TRANSPORT_MACHINE_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace iris {

enum class TransportState : uint8_t {
  kDown,         // Nobody needs the host.
  kLinking,      // The link is to come up.
  kAcquiring,    // There is contact with the host, which is asked for the lease.
  kReattaching,  // The stream is opened with the lease of an earlier contact.
  kAttaching,    // The same with a new one.
  kCancelling,   // Attached, for nothing but cancels: nothing was opened.
  kOpening,      // Attached; the child is being started, or is about to be.
  kOpen,         // Attached; the agent starts and restarts the child by itself.
  kClosing,      // The child is being ended, and nobody waits for what the stream says.
  kAway,         // Contact was lost; the link is about to say why.
};
inline constexpr int kTransportStates = 10;

enum class TransportEvent : uint8_t {
  kSought,            // Somebody needs the host, or it is worth another try.
  kStartedOver,       // The whole way is to be gone anew.
  kLinked,            // The link is up, and the lease has to be asked for.
  kLinkedWithLease,   // The same, and that of an earlier contact may still count.
  kLeased,            // The lease was granted.
  kLeasedToEnd,       // The same; the child is to end, and no message is open.
  kLeaseRefused,      // The lease of an earlier contact does not count any more.
  kAttachedToOpen,    // The stream is open; the child is to run.
  kAttachedToRead,    // The same; the answers of what the host has are read first.
  kAttachedToCancel,  // The same; only cancels are to be heard of.
  kAttachedToEnd,     // The same; the child is to end, and no message is open.
  kAttachedToHear,    // The same; the stream says how those that are open end.
  kChildNeeded,       // The child is to run, as the team is launched now.
  kOpened,            // It runs.
  kEndAsked,          // The child is to end.
  kContactLost,       // A call or the stream has ended: the link knows why.
  kLinkLost,          // The link is down, or leads elsewhere now.
  kDone,              // Nobody needs the host any more, or all has failed.
};
inline constexpr int kTransportEvents = 18;

// What is to be done after an event, in this order.
struct TransportActions {
  bool lose_contact = false;   // Calls, stream and timers of this contact.
  bool let_go = false;         // The same, and the wish for the link.
  bool await_verdict = false;  // Of the link; then kSought or kDone.
  bool seek = false;           // The link; kLinked or kLinkedWithLease follows, maybe at once.
  bool acquire = false;        // kLeased, kLeasedToEnd or kContactLost follows.
  bool attach = false;         // kAttachedTo… or kContactLost follows.
  bool open = false;           // kOpened or kContactLost follows.
  bool close = false;          // kDone or kStartedOver may follow.

  friend bool operator==(const TransportActions&, const TransportActions&) = default;
};

// A session's way to its host: what each event does in each state. Knows neither links nor calls
// nor messages: it hears what happens, and answers what is to be done.
//
//   down ── sought ──▶ linking ──▶ acquiring ──▶ attaching ──▶ opening ⇄ open
//     ▲                  ▲  │          ▲ refused  │  │             │      │
//     │ done, from       │  └────▶ reattaching ───┘  └▶ cancelling └──▶ closing
//     └─ anywhere        │ link lost
//                     away ◀── contact lost, from all behind linking
//
// Not thread-safe.
class TransportMachine {
 public:
  // An event that cannot come in this state is a bug of the caller, and ends the process.
  TransportActions Handle(TransportEvent event);
  // Whether Handle() takes `event` now.
  bool Possible(TransportEvent event) const;

  TransportState state() const { return state_; }
  // There is contact with the host.
  bool has_contact() const {
    return state_ != TransportState::kDown && state_ != TransportState::kLinking &&
           state_ != TransportState::kAway;
  }
  // The stream is open and has said what the host knows.
  bool attached() const {
    return state_ == TransportState::kCancelling || state_ == TransportState::kOpening ||
           state_ == TransportState::kOpen;
  }

 private:
  TransportState state_ = TransportState::kDown;
};

// "down", "linking", …
absl::string_view TransportStateName(TransportState state);
absl::string_view TransportEventName(TransportEvent event);

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_TRANSPORT_MACHINE_H_
