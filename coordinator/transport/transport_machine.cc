#include "coordinator/transport/transport_machine.h"

#include <array>
#include <cstdlib>
#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "common/log/check.h"

namespace iris {
namespace {

using S = TransportState;
using E = TransportEvent;
using Set = uint32_t;

struct Cell {
  enum class Kind : uint8_t { kHole, kNever, kStay, kGo };
  Kind kind = Kind::kHole;
  TransportState next = S::kDown;
  TransportActions actions = {};
};

constexpr Cell Go(TransportState next, TransportActions actions = {}) {
  return {Cell::Kind::kGo, next, actions};
}
constexpr Cell Stay(TransportActions actions = {}) {
  return {Cell::Kind::kStay, S::kDown, actions};
}
constexpr Cell Never() { return {Cell::Kind::kNever}; }

template <typename Enum>
constexpr Set Of(std::initializer_list<Enum> members) {
  Set all = 0;
  for (const Enum member : members) all |= 1u << static_cast<int>(member);
  return all;
}

struct Row {
  Set states;
  Set events;
  Cell cell;
};

constexpr Set kContact = Of({S::kAcquiring, S::kReattaching, S::kAttaching, S::kCancelling,
                             S::kOpening, S::kOpen, S::kClosing});
constexpr Set kAttachments = Of({S::kReattaching, S::kAttaching});
constexpr Set kAll = (1u << kTransportStates) - 1;

constexpr Set kLinkings = Of({E::kLinked, E::kLinkedWithLease});
constexpr Set kLeasings = Of({E::kLeased, E::kLeasedToEnd});
constexpr Set kAttached = Of({E::kAttachedToOpen, E::kAttachedToRead, E::kAttachedToCancel,
                              E::kAttachedToEnd, E::kAttachedToHear});

// A pair that is in no row, or in two, does not compile.
constexpr std::array kRows = std::to_array<Row>({
    // Whoever needs the host while there is contact has it already.
    {Of({S::kDown, S::kLinking, S::kAway}), Of({E::kSought}), Go(S::kLinking, {.seek = true})},
    {kContact, Of({E::kSought}), Stay()},
    {Of({S::kDown}), Of({E::kStartedOver}), Go(S::kLinking, {.seek = true})},
    {kAll & ~Of({S::kDown}), Of({E::kStartedOver}),
     Go(S::kLinking, {.lose_contact = true, .seek = true})},

    {Of({S::kLinking}), Of({E::kLinked}), Go(S::kAcquiring, {.acquire = true})},
    {Of({S::kLinking}), Of({E::kLinkedWithLease}), Go(S::kReattaching, {.attach = true})},
    {kAll & ~Of({S::kLinking}), kLinkings, Never()},

    {Of({S::kAcquiring}), Of({E::kLeased}), Go(S::kAttaching, {.attach = true})},
    {Of({S::kAcquiring}), Of({E::kLeasedToEnd}), Go(S::kClosing, {.close = true})},
    {kAll & ~Of({S::kAcquiring}), kLeasings, Never()},
    // That saved a round trip; where it does not count any more, a new one is asked for.
    {Of({S::kReattaching}), Of({E::kLeaseRefused}), Go(S::kAcquiring, {.acquire = true})},
    {kAll & ~Of({S::kReattaching}), Of({E::kLeaseRefused}), Never()},

    // Attached before it is opened: nothing that the child does goes unseen.
    {kAttachments, Of({E::kAttachedToOpen}), Go(S::kOpening, {.open = true})},
    {kAttachments, Of({E::kAttachedToRead}), Go(S::kOpen)},
    {kAttachments, Of({E::kAttachedToCancel}), Go(S::kCancelling)},
    {kAttachments, Of({E::kAttachedToEnd}), Go(S::kClosing, {.close = true})},
    {kAttachments, Of({E::kAttachedToHear}), Go(S::kOpen, {.close = true})},
    {kAll & ~kAttachments, kAttached, Never()},

    {Of({S::kCancelling, S::kOpen}), Of({E::kChildNeeded}), Go(S::kOpening, {.open = true})},
    {kAll & ~Of({S::kCancelling, S::kOpen}), Of({E::kChildNeeded}), Never()},
    {Of({S::kOpening}), Of({E::kOpened}), Go(S::kOpen)},
    {kAll & ~Of({S::kOpening}), Of({E::kOpened}), Never()},
    {Of({S::kCancelling}), Of({E::kEndAsked}), Go(S::kClosing, {.close = true})},
    {Of({S::kOpening, S::kOpen}), Of({E::kEndAsked}), Stay({.close = true})},
    {kAll & ~Of({S::kCancelling, S::kOpening, S::kOpen}), Of({E::kEndAsked}), Never()},

    {kContact, Of({E::kContactLost}), Go(S::kAway, {.lose_contact = true, .await_verdict = true})},
    {kAll & ~kContact, Of({E::kContactLost}), Never()},
    {kContact | Of({S::kAway}), Of({E::kLinkLost}), Go(S::kLinking, {.lose_contact = true})},
    {Of({S::kLinking}), Of({E::kLinkLost}), Stay()},
    {Of({S::kDown}), Of({E::kLinkLost}), Never()},
    {kAll, Of({E::kDone}), Go(S::kDown, {.let_go = true})},
});

using Table = std::array<std::array<Cell, kTransportEvents>, kTransportStates>;

constexpr Table MakeTable() {
  Table table = {};
  for (const Row& row : kRows) {
    for (int state = 0; state < kTransportStates; ++state) {
      for (int event = 0; event < kTransportEvents; ++event) {
        if ((row.states >> state & 1) == 0 || (row.events >> event & 1) == 0) continue;
        Cell& cell = table[state][event];
        if (cell.kind != Cell::Kind::kHole) std::abort();  // Twice: does not compile.
        cell = row.cell;
      }
    }
  }
  return table;
}

constexpr Table kTable = MakeTable();

constexpr bool Complete() {
  for (const auto& state : kTable) {
    for (const Cell& cell : state) {
      if (cell.kind == Cell::Kind::kHole) return false;
    }
  }
  return true;
}
static_assert(Complete(), "every state needs a row for every event");
static_assert(static_cast<int>(S::kAway) + 1 == kTransportStates);
static_assert(static_cast<int>(E::kDone) + 1 == kTransportEvents);

const Cell& CellFor(TransportState state, TransportEvent event) {
  return kTable[static_cast<int>(state)][static_cast<int>(event)];
}

[[noreturn]] void Impossible(TransportState state, TransportEvent event) {
  EndByBug(absl::StrCat("a transport that is ", TransportStateName(state), " hears \"",
                        TransportEventName(event), "\""));
}

}  // namespace

TransportActions TransportMachine::Handle(TransportEvent event) {
  const Cell& cell = CellFor(state_, event);
  if (cell.kind == Cell::Kind::kNever) Impossible(state_, event);
  if (cell.kind == Cell::Kind::kGo) state_ = cell.next;
  return cell.actions;
}

bool TransportMachine::Possible(TransportEvent event) const {
  return CellFor(state_, event).kind != Cell::Kind::kNever;
}

absl::string_view TransportStateName(TransportState state) {
  constexpr std::array<absl::string_view, kTransportStates> kNames = {
      "down",       "linking", "acquiring", "reattaching", "attaching",
      "cancelling", "opening", "open",      "closing",     "away"};
  return kNames[static_cast<int>(state)];
}

absl::string_view TransportEventName(TransportEvent event) {
  constexpr std::array<absl::string_view, kTransportEvents> kNames = {
      "sought",           "started over",
      "linked",           "linked with lease",
      "leased",           "leased to end",
      "lease refused",    "attached to open",
      "attached to read", "attached to cancel",
      "attached to end",  "attached to hear",
      "child needed",     "opened",
      "end asked",        "contact lost",
      "link lost",        "done"};
  return kNames[static_cast<int>(event)];
}

}  // namespace iris
