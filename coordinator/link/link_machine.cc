#include "coordinator/link/link_machine.h"

#include <array>
#include <cstdlib>
#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "common/log/check.h"

namespace iris {
namespace {

using S = LinkState;
using E = LinkEvent;
using Events = uint32_t;

struct Step {
  enum class Kind : uint8_t { kHole, kNever, kStay, kGo };
  Kind kind = Kind::kHole;
  LinkState next = S::kDown;
  LinkActions actions = {};
};

// What one event does in one state.
struct Cell {
  Step wanted;
  Step unwanted;
};

constexpr Cell Go(LinkState next, LinkActions actions) {
  const Step step = {Step::Kind::kGo, next, actions};
  return {step, step};
}
constexpr Cell Stay(LinkActions actions = {}) {
  const Step step = {Step::Kind::kStay, S::kDown, actions};
  return {step, step};
}
constexpr Cell Never() {
  const Step step = {Step::Kind::kNever};
  return {step, step};
}
constexpr Cell IfWanted(Cell wanted, Cell unwanted) { return {wanted.wanted, unwanted.unwanted}; }

constexpr Events Of(std::initializer_list<LinkEvent> events) {
  Events all = 0;
  for (const LinkEvent event : events) all |= 1u << static_cast<int>(event);
  return all;
}

struct Row {
  LinkState state;
  Events events;
  Cell cell;
};

constexpr LinkActions kStart = {.start_attempt = true};
constexpr LinkActions kStartNow = {.cancel_retry = true, .start_attempt = true};
constexpr LinkActions kProgress = {.report_progress = true};
constexpr LinkActions kSayUp = {.report_up = true};
constexpr LinkActions kSayDown = {.report_down = true};
constexpr LinkActions kSayDownAndRetry = {.arm_retry = true, .report_down = true};

// Bytes of a host may be counted late, so kProofOfLife comes at any time; so does kWokeUp. An event
// that is written nowhere in a state's rows does not compile.
constexpr std::array kRows = std::to_array<Row>({
    {S::kDown, Of({E::kAsked}), Go(S::kConnecting, kStart)},
    {S::kDown, Of({E::kUnwanted, E::kProofOfLife, E::kWokeUp}), Stay()},
    {S::kDown,
     Of({E::kProgress, E::kConnected, E::kFailed, E::kFailedForGood, E::kSilence, E::kWireLost,
         E::kRetryDue}),
     Never()},

    // An attempt that nobody wants any more goes on: it is bounded, and the next one to ask may be
    // near.
    {S::kConnecting, Of({E::kAsked, E::kUnwanted, E::kProofOfLife, E::kWokeUp}), Stay()},
    {S::kConnecting, Of({E::kProgress}), Go(S::kBootstrapping, kProgress)},
    {S::kConnecting, Of({E::kConnected}), Go(S::kUp, kSayUp)},
    {S::kConnecting, Of({E::kFailed}),
     IfWanted(Go(S::kWaiting, kSayDownAndRetry), Go(S::kDown, kSayDown))},
    {S::kConnecting, Of({E::kFailedForGood}), Go(S::kBlocked, kSayDown)},
    {S::kConnecting, Of({E::kSilence, E::kWireLost, E::kRetryDue}), Never()},

    {S::kBootstrapping, Of({E::kAsked, E::kUnwanted, E::kProofOfLife, E::kWokeUp}), Stay()},
    {S::kBootstrapping, Of({E::kProgress}), Stay(kProgress)},
    {S::kBootstrapping, Of({E::kConnected}), Go(S::kUp, kSayUp)},
    {S::kBootstrapping, Of({E::kFailed}),
     IfWanted(Go(S::kWaiting, kSayDownAndRetry), Go(S::kDown, kSayDown))},
    {S::kBootstrapping, Of({E::kFailedForGood}), Go(S::kBlocked, kSayDown)},
    {S::kBootstrapping, Of({E::kSilence, E::kWireLost, E::kRetryDue}), Never()},

    // Up it stays, wanted or not.
    {S::kUp, Of({E::kAsked, E::kUnwanted, E::kProofOfLife}), Stay()},
    {S::kUp, Of({E::kSilence}), Go(S::kSuspect, {})},
    {S::kUp, Of({E::kWireLost}), Go(S::kEnding, {.begin_ending = true})},
    {S::kUp, Of({E::kWokeUp}), Stay({.probe_now = true})},
    {S::kUp, Of({E::kProgress, E::kConnected, E::kFailed, E::kFailedForGood, E::kRetryDue}),
     Never()},

    {S::kSuspect, Of({E::kAsked, E::kUnwanted, E::kSilence}), Stay()},
    {S::kSuspect, Of({E::kProofOfLife}), Go(S::kUp, {})},
    {S::kSuspect, Of({E::kWireLost}), Go(S::kEnding, {.begin_ending = true})},
    {S::kSuspect, Of({E::kWokeUp}), Stay({.probe_now = true})},
    {S::kSuspect, Of({E::kProgress, E::kConnected, E::kFailed, E::kFailedForGood, E::kRetryDue}),
     Never()},

    {S::kEnding, Of({E::kAsked, E::kUnwanted, E::kProofOfLife, E::kWokeUp}), Stay()},
    {S::kEnding, Of({E::kFailed}),
     IfWanted(Go(S::kWaiting, kSayDownAndRetry), Go(S::kDown, kSayDown))},
    {S::kEnding, Of({E::kFailedForGood}), Go(S::kBlocked, kSayDown)},
    {S::kEnding, Of({E::kProgress, E::kConnected, E::kSilence, E::kWireLost, E::kRetryDue}),
     Never()},

    // Somebody wants it, or it would not wait.
    {S::kWaiting, Of({E::kAsked, E::kWokeUp}), IfWanted(Go(S::kConnecting, kStartNow), Never())},
    {S::kWaiting, Of({E::kRetryDue}), IfWanted(Go(S::kConnecting, kStart), Never())},
    {S::kWaiting, Of({E::kUnwanted}), Go(S::kDown, {.cancel_retry = true})},
    {S::kWaiting, Of({E::kProofOfLife}), Stay()},
    {S::kWaiting,
     Of({E::kProgress, E::kConnected, E::kFailed, E::kFailedForGood, E::kSilence, E::kWireLost}),
     Never()},

    {S::kBlocked, Of({E::kAsked}), Go(S::kConnecting, kStart)},
    {S::kBlocked, Of({E::kUnwanted, E::kProofOfLife, E::kWokeUp}), Stay()},
    {S::kBlocked,
     Of({E::kProgress, E::kConnected, E::kFailed, E::kFailedForGood, E::kSilence, E::kWireLost,
         E::kRetryDue}),
     Never()},
});

using Table = std::array<std::array<Cell, kLinkEvents>, kLinkStates>;

constexpr bool IsHole(const Cell& cell) { return cell.wanted.kind == Step::Kind::kHole; }

constexpr Table MakeTable() {
  Table table = {};
  for (const Row& row : kRows) {
    for (int event = 0; event < kLinkEvents; ++event) {
      if ((row.events >> event & 1) == 0) continue;
      Cell& cell = table[static_cast<int>(row.state)][event];
      if (!IsHole(cell)) std::abort();  // Twice: does not compile.
      cell = row.cell;
    }
  }
  return table;
}

constexpr Table kTable = MakeTable();

constexpr bool Complete() {
  for (const auto& state : kTable) {
    for (const Cell& cell : state) {
      if (IsHole(cell)) return false;
    }
  }
  return true;
}
static_assert(Complete(), "every state needs a row for every event");
static_assert(static_cast<int>(S::kBlocked) + 1 == kLinkStates);
static_assert(static_cast<int>(E::kWokeUp) + 1 == kLinkEvents);

const Step& StepFor(LinkState state, LinkEvent event, bool wanted) {
  const Cell& cell = kTable[static_cast<int>(state)][static_cast<int>(event)];
  return wanted ? cell.wanted : cell.unwanted;
}

[[noreturn]] void Impossible(LinkState state, LinkEvent event) {
  EndByBug(absl::StrCat("a link that is ", LinkStateName(state), " hears \"", LinkEventName(event),
                        "\""));
}

}  // namespace

LinkActions LinkMachine::Handle(LinkEvent event, absl::Duration now) {
  Check(wanted_ || state_ != S::kWaiting, "a link waits that nobody wants");
  Check(!asked_anew_ || (wanted_ && state_ == S::kEnding), "a link was asked anew, and not ending");
  if (event == E::kAsked) {
    wanted_ = true;
    asked_anew_ = state_ == S::kEnding;
  }
  if (event == E::kUnwanted) wanted_ = asked_anew_ = false;
  // Asked for while what was lost was being ended: then nobody has been asked yet to mend anything.
  if (event == E::kFailedForGood && asked_anew_) event = E::kFailed;
  if (event == E::kWireLost) {
    ++losses_;
    if (now - up_since_ >= kSteady) backoff_.Reset();
  }
  if (event == E::kWokeUp) backoff_.Reset();

  const Step& step = StepFor(state_, event, wanted_);
  if (step.kind == Step::Kind::kNever) Impossible(state_, event);
  if (step.kind == Step::Kind::kGo) state_ = step.next;
  if (step.actions.report_up) up_since_ = now;
  if (step.actions.arm_retry) ArmRetry(now);
  if (state_ == S::kDown || state_ == S::kBlocked) backoff_.Reset();
  return step.actions;
}

void LinkMachine::ArmRetry(absl::Duration now) {
  const absl::Duration wait = backoff_.Next();
  retry_at_ = asked_anew_ ? now : now + wait;
  asked_anew_ = false;
}

bool LinkMachine::Possible(LinkEvent event) const {
  const bool wanted = event == E::kAsked || (event != E::kUnwanted && wanted_);
  return StepFor(state_, event, wanted).kind != Step::Kind::kNever;
}

absl::string_view LinkStateName(LinkState state) {
  constexpr std::array<absl::string_view, kLinkStates> kNames = {
      "down", "connecting", "bootstrapping", "up", "suspect", "ending", "waiting", "blocked"};
  return kNames[static_cast<int>(state)];
}

absl::string_view LinkEventName(LinkEvent event) {
  constexpr std::array<absl::string_view, kLinkEvents> kNames = {
      "asked",         "unwanted", "progress",  "connected", "failed", "failed for good",
      "proof of life", "silence",  "wire lost", "retry due", "woke up"};
  return kNames[static_cast<int>(event)];
}

}  // namespace iris
