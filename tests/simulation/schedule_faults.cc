// What goes wrong in a schedule, and when.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/store/sqlite/database.h"
#include "tests/simulation/schedule_run.h"

namespace iris::simulation {

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
  for (uint64_t faults = world_.Below(5); faults > 0; --faults) {
    world_.After(world_.Within(absl::Seconds(6)), [this] { Fault(world_.Below(16)); });
  }
  if (plan_.host_goes_back) PlanToPutHostBack();
}

void Schedule::Fault(uint64_t which) {
  Wire* const wire = wires_.empty() ? nullptr : wires_.back().get();
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
      if (host_->claude() == nullptr) return;
      allowed_.insert({v1::FAILURE_CHILD_EXITED, v1::FAILURE_AMBIGUOUS});
      return host_->claude()->Die(world_.OneIn(2), 1 + static_cast<int>(world_.Below(9)));
    case 10:
      world_.Note("nothing runs for a while");
      world_.Jump(world_.Within(absl::Seconds(30)));
      world_.ShiftWall(absl::Hours(24) * (static_cast<int64_t>(world_.Below(20)) - 10));
      // Calls that were under way are over by then, and claude had no time to answer.
      allowed_.insert(v1::FAILURE_TIMEOUT);
      return;
    case 11:
      refuse_until_ = world_.now() + world_.Within(absl::Seconds(20));
      return;
    case 12:
      for (SimTell& tell : tells_) {
        if (tell.sent && !tell.outcome.has_value()) Send(tell);
      }
      return;
    case 13:
      return FailDisk(0, std::numeric_limits<uint32_t>::max(), absl::Seconds(20));
    case 14:
      return FailDisk(world_.Below(20), 1 + world_.Below(4), absl::Seconds(20));
    case 15:  // With both put back, nobody may know that claude had a tell.
      if (!plan_.host_goes_back) CopyStore();
      return;
  }
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
}

void Schedule::FailOneWrite() {
  const Plan::FailedWrite& plan = *plan_.failed_write;
  disk_fails_ = true;
  desk_.disk().FailAfter(plan.write, 1, plan.trouble);
  if (!plan.kill) return;
  world_.After(absl::Milliseconds(1 + 20 * plan.write), [this] { KillCoordinator(); });
}

// Where there is a session already: another one would be another conversation.
void Schedule::CopyStore() {
  if (accepted_.empty() || !coordinator_->up() || put_back_) return;
  world_.Note("the store is copied");
  coordinator_->Kill();
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
  const bool was_up = coordinator_->up();
  coordinator_->Kill();
  desk_.PutBack();
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
  if (!coordinator_->up()) return;
  coordinator_->Kill();
  // Not always: it takes long until the next life has read the file.
  if (world_.OneIn(4)) desk_.CloseStore();
  if (plan_.plant == Plant::kForgetSettle) ForgetLastSettle();
  world_.After(world_.Within(absl::Seconds(3)), [this] { StartCoordinator(); });
}

void Schedule::ForgetLastSettle() {
  if (last_settled_.empty()) return;
  desk_.CloseStore();
  const auto store = Database::Open(desk_.store_path());
  if (!store.ok()) return;
  (void)(*store)->Run(absl::StrCat("DELETE FROM unfetched WHERE tell_id = '", last_settled_,
                                   "'; UPDATE tells SET state = 'running', settled_seq = NULL, "
                                   "answer = NULL WHERE tell_id = '",
                                   last_settled_, "'")
                          .c_str());
}

void Schedule::LoseHost(Host::Loss loss) {
  if (!host_->up()) return;
  const std::shared_ptr<Claude> claude = host_->claude();
  const bool machine = loss == Host::Loss::kPower || loss == Host::Loss::kPutBack;
  const bool broken = claude != nullptr && (machine || world_.OneIn(3));
  if (broken) allowed_.insert({v1::FAILURE_AMBIGUOUS, v1::FAILURE_CHILD_EXITED});
  // What was written, as its sender read, and lost by the host, is not written again; whether
  // claude got to it or not.
  if (loss != Host::Loss::kKilled) allowed_.insert(v1::FAILURE_AMBIGUOUS);
  host_->Lose(loss);
  if (broken) {
    world_.After(world_.Within(absl::Seconds(1)), [claude] { claude->Die(/*by_signal=*/true, 9); });
  }
  world_.After(world_.Within(absl::Seconds(3)), [this] { StartHost(); });
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
    if (watch_->SawBegin(id)) {
      claudes.turns[id] = turns.at(id);
      claudes.order.push_back(id);
    } else {
      forgotten_.insert(id);
    }
  }
}

}  // namespace iris::simulation
