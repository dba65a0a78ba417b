// What goes wrong in a schedule, and when.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/store/sqlite/database.h"
#include "tests/simulation/schedule_run.h"

namespace iris::simulation {
namespace {

constexpr uint64_t kFaultKinds = 16;  // As Fault() has them.
constexpr absl::Duration kFaultsWithin = absl::Seconds(6);

}  // namespace

void Schedule::CutAgain(absl::Duration every) {
  world_.After(every, [this, every] {
    if (AllHeard()) return;
    wires_.back()->Cut();
    CutAgain(every);
  });
}

void Schedule::PlanFaults() {
  if (plan_.slow.has_value() && plan_.slow->cut_every != absl::InfiniteDuration()) {
    CutAgain(plan_.slow->cut_every);
  }
  if (!plan_.faults) return;
  Disturb(began_ + kFaultsWithin);
  if (plan_.swarm) PlanSwarm();
  for (uint64_t faults = world_.Below(plan_.swarm ? 12 : 5); faults > 0; --faults) {
    world_.After(world_.Within(kFaultsWithin), [this] {
      Fault(kinds_.empty() ? world_.Below(kFaultKinds) : kinds_[world_.Below(kinds_.size())]);
    });
  }
  if (plan_.host_goes_back) PlanToPutHostBack();
}

// Half of the kinds, each seed others: what one kind hides, a schedule without it shows.
void Schedule::PlanSwarm() {
  for (uint64_t kind = 0; kind < kFaultKinds; ++kind) {
    if (world_.OneIn(2)) kinds_.push_back(kind);
  }
  for (bool* const on : {&wire_faults_.rate, &wire_faults_.slow_notice, &wire_faults_.silent,
                         &wire_faults_.late_bytes}) {
    *on = world_.OneIn(2);
  }
}

// Of several wires one of the last, or else the last.
Wire* Schedule::AnyWire() {
  if (wires_.empty()) return nullptr;
  const uint64_t live = plan_.links * senders_.size();
  if (live == 1) return wires_.back().get();
  return wires_[wires_.size() - 1 - world_.Below(std::min<uint64_t>(live, wires_.size()))].get();
}

void Schedule::Fault(uint64_t which) {
  Wire* const wire = AnyWire();
  const Wire::Side side = world_.OneIn(2) ? Wire::kAgent : Wire::kCoordinator;
  switch (which) {
    case 0:
      if (wire != nullptr) wire->Cut();
      return;
    case 1:
    case 2:
      if (wire != nullptr) wire->CutBehind(side, wire->delivered(side) + world_.Below(3000));
      return;
    case 3:
      if (wire != nullptr) wire->CutSilently();
      return;
    case 4:
    case 5:
      return KillCoordinator();
    case 6:
      return LoseHost(Host::Loss::kKilled);
    case 7:
      return LoseHost(Host::Loss::kPower);
    case 8:
      return LoseHost(Host::Loss::kWiped);
    case 9:
      return KillClaude();
    case 10:
      world_.Note("nothing runs for a while");
      world_.Jump(world_.Within(absl::Seconds(30)));
      world_.ShiftWall(absl::Hours(24) * (static_cast<int64_t>(world_.Below(20)) - 10));
      DisturbFor(absl::ZeroDuration());
      // Calls that were under way are over by then, and claude had no time to answer.
      allowed_.insert(v1::FAILURE_TIMEOUT);
      return;
    case 11:
      refuse_until_ = world_.now() + world_.Within(absl::Seconds(20));
      return Disturb(refuse_until_);
    case 12:
      for (SimTell& tell : tells_) {
        if (tell.sent && !tell.outcome.has_value()) Send(tell);
      }
      return;
    case 13:
      return FailDisk(0, std::numeric_limits<uint32_t>::max(), absl::Seconds(20));
    case 14:
      return FailDisk(world_.Below(20), 1 + world_.Below(4), absl::Seconds(20));
    // With both put back, nobody may know that claude had a tell; and of two coordinators the one
    // without a memory would take the other's answers for its own.
    case 15:
      if (!plan_.host_goes_back && !plan_.takeovers) CopyStore();
      return;
  }
}

void Schedule::KillClaude() {
  const std::vector<std::shared_ptr<Claude>> running = host_->running();
  if (running.empty()) return;
  allowed_.insert({v1::FAILURE_CHILD_EXITED, v1::FAILURE_AMBIGUOUS});
  Claude& claude = running.size() == 1 ? *running[0] : *running[world_.Below(running.size())];
  const bool by_signal = world_.OneIn(2);
  claude.Die(by_signal, 1 + static_cast<int>(world_.Below(9)));
}

// Its writes fail, the first `healthy` of them not, until `failing` have or it is over.
void Schedule::FailDisk(uint64_t healthy, uint64_t failing, absl::Duration at_most) {
  const bool full = world_.OneIn(2);
  world_.Note(absl::StrCat("the coordinator's disk ", full ? "is full" : "has errors", " behind ",
                           healthy, " writes"));
  disk_fails_ = true;
  desk_.disk().FailAfter(healthy, failing,
                         full ? FailingDisk::Trouble::kFull : FailingDisk::Trouble::kIoError);
  world_.After(world_.Within(at_most), [this] { desk_.disk().Heal(); });
  DisturbFor(at_most);
}

void Schedule::FailOneWrite() {
  const Plan::FailedWrite& plan = *plan_.failed_write;
  disk_fails_ = true;
  desk_.disk().FailAfter(plan.write, 1, plan.trouble);
  if (!plan.kill) return;
  world_.After(absl::Milliseconds(1 + 20 * plan.write), [this] { KillCoordinator(); });
}

// Every team that has tells has a session.
bool Schedule::AllHaveSessions() const {
  std::set<size_t> teams;
  for (const SimTell& tell : tells_) {
    if (std::count(accepted_.begin(), accepted_.end(), tell.id) > 0) teams.insert(tell.team);
  }
  return std::all_of(tells_.begin(), tells_.end(),
                     [&teams](const SimTell& tell) { return teams.count(tell.team) > 0; });
}

// Where there is a session already: another one would be another conversation.
void Schedule::CopyStore() {
  Coordinator& coordinator = *senders_[0].coordinator;
  if (!AllHaveSessions() || !coordinator.up() || put_back_) return;
  world_.Note("the store is copied");
  coordinator.Kill();
  const bool copied = desk_.Copy();
  copied_ = accepted_;
  StartCoordinator();
  if (copied) world_.After(world_.Within(absl::Seconds(5)), [this] { PutStoreBack(); });
}

void Schedule::PutStoreBack() {
  world_.Note("the store is put back");
  put_back_ = true;
  // What the host was through with, and had acknowledged, is in claude's transcript or nowhere.
  allowed_.insert(v1::FAILURE_AMBIGUOUS);
  Coordinator& coordinator = *senders_[0].coordinator;
  const bool was_up = coordinator.up();
  coordinator.Kill();
  desk_.PutBack();
  DisturbFor(absl::ZeroDuration());
  // Of what claude has not begun: what the copy does not have may lie on the host, before all that
  // comes now, or be accepted anew, behind it; and what had failed since is open in the copy again,
  // behind those that were begun meanwhile.
  for (const std::string& id : accepted_) {
    if (host_->claudes().turns.count(id) > 0) continue;
    const bool in_copy = std::count(copied_.begin(), copied_.end(), id) > 0;
    const bool failed = std::any_of(tells_.begin(), tells_.end(), [&](const SimTell& tell) {
      return tell.id == id && tell.outcome.has_value();
    });
    if (!in_copy || failed) in_any_order_.insert(id);
  }
  if (was_up) StartCoordinator();
}

void Schedule::KillCoordinator() {
  const size_t sender = senders_.size() > 1 ? world_.Below(senders_.size()) : 0;
  Coordinator& coordinator = *senders_[sender].coordinator;
  if (!coordinator.up()) return;
  coordinator.Kill();
  // Not always: it takes long until the next life has read the file.
  if (world_.OneIn(4) && sender == 0) desk_.CloseStore();
  if (plan_.plant == Plant::kForgetSettle) ForgetLastSettle();
  world_.After(world_.Within(absl::Seconds(3)), [this, sender] { StartCoordinator(sender); });
  DisturbFor(absl::Seconds(3));
}

void Schedule::ForgetLastSettle() {
  if (last_settled_.empty()) return;
  desk_.CloseStore();
  const auto store = Database::Open(desk_.store_path());
  if (!store.ok()) return;
  const std::string tell =
      absl::StrCat(" (SELECT n FROM tells WHERE tell_id = '", last_settled_, "')");
  (void)(*store)->Run(absl::StrCat("DELETE FROM outcomes WHERE tell =", tell,
                                   "; UPDATE tells SET state = 1, settled_seq = 0, fetched = 0 "
                                   "WHERE n =",
                                   tell)
                          .c_str());
}

void Schedule::LoseHost(Host::Loss loss) {
  if (!host_->up()) return;
  const std::vector<std::shared_ptr<Claude>> running = host_->running();
  const bool machine = loss == Host::Loss::kPower || loss == Host::Loss::kPutBack;
  const bool broken = !running.empty() && (machine || world_.OneIn(3));
  if (broken) allowed_.insert({v1::FAILURE_AMBIGUOUS, v1::FAILURE_CHILD_EXITED});
  // What was written, as its sender read, and lost by the host, is not written again; whether
  // claude got to it or not.
  if (loss != Host::Loss::kKilled) allowed_.insert(v1::FAILURE_AMBIGUOUS);
  host_->Lose(loss);
  if (broken) {
    world_.After(world_.Within(absl::Seconds(1)), [running] {
      for (const std::shared_ptr<Claude>& claude : running) claude->Die(/*by_signal=*/true, 9);
    });
  }
  world_.After(world_.Within(absl::Seconds(3)), [this] { StartHost(); });
  DisturbFor(absl::Seconds(3));
}

// ------------------------------------------------------------------ what people do

// Of what the other one had under way it reads on, or hears that the session is another's.
void Schedule::TakeOver(size_t sender, size_t team) {
  allowed_.insert({v1::FAILURE_PERMISSION_DENIED, v1::FAILURE_DROPPED});
  Coordinator& coordinator = *senders_[sender].coordinator;
  if (!coordinator.up()) return;  // What it sends later is refused.
  world_.Note(absl::StrCat("coordinator ", sender, " takes over team ", team));
  DisturbFor(absl::ZeroDuration());
  coordinator.TakeOver(team);
}

// Mostly somebody is there.
void Schedule::OnAsked(const std::string& request_id) {
  const absl::Duration wait =
      world_.Within(world_.OneIn(4) ? absl::Minutes(20) : absl::Seconds(10));
  DisturbFor(wait);
  world_.After(wait, [this, request_id] { Answer(request_id); });
}

// Until claude has heard: of a coordinator or a host that is away nothing is answered. A
// coordinator that took the session over and was killed does not know that anything waits: whoever
// is asked by the one before takes it back.
void Schedule::Answer(const std::string& request_id) {
  if (host_->claudes().asking.count(request_id) == 0) return;
  const absl::Duration since = said_.emplace(request_id, world_.now()).first->second;
  const bool take_over = world_.now() - since > absl::Minutes(1);
  const bool allow = IsAllowed(request_id) != (plan_.plant == Plant::kMishear);
  for (Sender& sender : senders_) {
    if (sender.coordinator->up()) sender.coordinator->Answer(request_id, allow, take_over);
  }
  world_.After(absl::Seconds(1), [this, request_id] { Answer(request_id); });
}

void Schedule::OnAnswered(const std::string& request_id, bool allowed) {
  if (said_.count(request_id) == 0) {
    world_.Violation(absl::StrCat(request_id, " is answered by nobody"));
  }
  if (allowed != IsAllowed(request_id)) {
    world_.Violation(absl::StrCat(request_id, " is answered the wrong way round"));
  }
}

// What a person would say, whenever they are asked.
bool Schedule::IsAllowed(const std::string& request_id) const {
  return (request_id.back() - '0' + plan_.seed) % 3 != 0;
}

void Schedule::PlanToPutHostBack() {
  if (world_.OneIn(2)) {
    world_.After(world_.Within(absl::Seconds(3)), [this] {
      if (host_->up()) host_->Copy();
    });
  }
  world_.After(world_.Within(absl::Seconds(6)), [this] { PutHostBack(); });
}

// What the sender saw begin it remembers, whatever the host does: that is never begun again.
void Schedule::PutHostBack() {
  if (!host_->up()) return;
  ClaudeWorld& claudes = host_->claudes();
  const std::map<std::string, int> turns = claudes.turns;
  const std::vector<std::string> order = claudes.order;
  LoseHost(Host::Loss::kPutBack);
  for (const std::string& id : order) {
    if (claudes.turns.count(id) > 0) continue;
    if (senders_[0].watch->SawBegin(id)) {
      claudes.turns[id] = turns.at(id);
      claudes.order.push_back(id);
    } else {
      forgotten_.insert(id);
    }
  }
}

}  // namespace iris::simulation
