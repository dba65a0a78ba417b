#ifndef IRIS_COORDINATOR_ORCHESTRATOR_ARRIVALS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_ARRIVALS_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/base/alive_flag.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"

namespace iris {

// Whose tells arrive. Called on the loop.
class ArrivalOwner {
 public:
  virtual ~ArrivalOwner() = default;
  // Whether the tell may come at all, as far as it says that itself.
  virtual absl::Status CheckSpec(const TellSpec& spec) = 0;
  // The store has it: `observer` follows that one, or why it does not.
  virtual absl::Status OnKnown(StoredTell stored, const TellSpec& spec, TellObserver* observer) = 0;
  // The store does not have it: how it is to be stored, with its text, or why it is not taken.
  virtual absl::StatusOr<NewTell> Admit(TellSpec& spec) = 0;
  // It is written, as Admit() said: it outlives this process, and goes to its team. Nobody may hear
  // of it yet; `observer` will, and is null where it has gone meanwhile. What fails ends the
  // arrival: the tell stays in the store.
  virtual absl::Status OnWritten(NewTell tell, TellSpec& spec, TellObserver* observer) = 0;
  // It is durable: `observer`, which has not gone, follows it, or why it does not.
  virtual absl::Status OnDurable(const std::string& tell_id, TellObserver* observer) = 0;
};

// Tells that come: each is looked for in the store, admitted, stored, and only then accepted.
// Whatever else comes for its id meanwhile waits for that; to everybody else it is not there yet.
//
//   Take() ──▶ looked for ── new ──▶ admitted ──▶ being stored ──▶ OnWritten() ──▶ OnDurable()
//                  └── known ──▶ OnKnown()
//
// One that its team gets at once does not wait for the disk on its way there (docs/adr/0016): that
// it is durable comes a moment after that it is written. Of all others both come together.
//
// Lives on the coordinator's loop.
class Arrivals {
 public:
  // Both outlive this. `waiting_max`: who waits behind one at most.
  Arrivals(StoreQueue& store, ArrivalOwner& owner, size_t waiting_max)
      : store_(store), owner_(owner), waiting_max_(waiting_max) {}
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;

  // As Orchestrator::Tell().
  absl::Status Take(TellSpec spec, TellObserver* observer);
  // The observer is not called any more.
  void Forget(const std::string& tell_id, const TellObserver* observer);

  bool empty() const { return by_id_.empty(); }
  bool Has(const std::string& tell_id) const { return by_id_.count(tell_id) > 0; }
  // `what` is done behind the arrival, which is there. FAILURE_BUSY_LIMIT: too many wait so.
  absl::Status WaitBehind(const std::string& tell_id, absl::AnyInvocable<void()> what);

  // Those that are new, and not durable yet.
  bool IsBeingStored(const std::string& tell_id) const;
  // And not written yet.
  size_t BeingStoredFor(const std::string& session_id) const;
  void ForEachBeingStored(
      absl::FunctionRef<void(const TellSpec& spec, const std::string& session_id)> what) const;

  // The end of this life: whoever waits is refused so.
  void Leave(const absl::Status& why);

 private:
  enum class Stage { kLookedFor, kBeingStored, kWritten };
  struct Arrival {
    TellSpec spec;           // Its text until `tell` has it.
    TellObserver* observer;  // Null: it is gone.
    bool inside = true;      // Take() has not returned.
    absl::Status refused;    // While inside.
    Stage stage = Stage::kLookedFor;
    // The store's while it has a write of it.
    absl::optional<StoredTell> found;
    NewTell tell;
    // What came for it meanwhile, and is to be done behind it; and whoever waits in that.
    std::vector<absl::AnyInvocable<void()>> then;
    std::vector<std::shared_ptr<TellObserver*>> behind;
  };

  absl::Status TakeBehind(TellSpec spec, TellObserver* observer);
  void OnLookedFor(const std::shared_ptr<Arrival>& arrival, const absl::Status& looked);
  void StoreNew(const std::shared_ptr<Arrival>& arrival);
  void OnWritten(Arrival& arrival, const absl::Status& written);
  void OnDurable(Arrival& arrival);
  void End(Arrival& arrival, const absl::Status& status);

  StoreQueue& store_;
  ArrivalOwner& owner_;
  const size_t waiting_max_;
  std::map<std::string, std::shared_ptr<Arrival>> by_id_;  // By tell_id.
  std::map<std::string, size_t> being_stored_;             // How many, by session_id.
  AliveFlag alive_;                                        // For what was posted.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_ARRIVALS_H_
