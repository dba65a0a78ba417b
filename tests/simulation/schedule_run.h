#ifndef IRIS_TESTS_SIMULATION_SCHEDULE_RUN_H_
#define IRIS_TESTS_SIMULATION_SCHEDULE_RUN_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/failure/failure.h"
#include "coordinator/orchestrator/tell.h"
#include "tests/simulation/agent.h"
#include "tests/simulation/coordinator.h"
#include "tests/simulation/desk.h"
#include "tests/simulation/schedule.h"
#include "tests/simulation/stream_watch.h"
#include "tests/simulation/wire.h"
#include "tests/simulation/world.h"

namespace iris::simulation {

struct SimTell {
  size_t sender = 0;  // Which coordinator.
  size_t team = 0;
  std::string id;
  std::string text;
  bool sent = false;
  absl::optional<TellOutcome> outcome;  // The first that was heard.
};

// One schedule under way.
class Schedule {
 public:
  Schedule(const Plan& plan, Desk& desk, const std::string& scratch);
  ~Schedule();
  Report Run();

 private:
  // Who follows one tell in one life of the coordinator.
  class Follower final : public TellObserver {
   public:
    Follower(Schedule& schedule, SimTell& tell) : schedule_(schedule), tell_(tell) {}
    void OnAccepted(const std::string&) override;
    void OnProgress(const v1::TellProgress&) override {}
    void OnSettled(const TellOutcome& outcome) override;

   private:
    Schedule& schedule_;
    SimTell& tell_;
    bool settled_ = false;
  };

  // A coordinator, and what is looked at of it.
  struct Sender {
    std::unique_ptr<StreamWatch> watch;
    std::unique_ptr<Coordinator> coordinator;
  };
  // What a swarm has of wires that are not well.
  struct WireFaults {
    bool rate = true;
    bool slow_notice = true;
    bool silent = true;
    bool late_bytes = true;
  };

  Sender MakeSender(size_t number);
  void PlanTells();
  void PlanFaults();
  void PlanSwarm();
  void PlanTakeovers();
  void CutAgain(absl::Duration every);
  void Fault(uint64_t which);
  void KillClaude();
  void Send(SimTell& tell);
  void StartCoordinator(size_t sender = 0);
  void FailDisk(uint64_t healthy, uint64_t failing, absl::Duration at_most);
  void FailOneWrite();
  bool AllHaveSessions() const;
  void CopyStore();
  void PutStoreBack();
  void KillCoordinator();
  void TakeOver(size_t sender, size_t team);
  void OnAsked(const std::string& request_id);
  void Answer(const std::string& request_id);
  void OnAnswered(const std::string& request_id, bool allowed);
  bool IsAllowed(const std::string& request_id) const;
  Wire* AnyWire();
  // Something is not well until then.
  void Disturb(absl::Duration until) { disturbed_until_ = std::max(disturbed_until_, until); }
  void DisturbFor(absl::Duration time) { Disturb(world_.now() + time); }
  void LoseHost(Host::Loss loss);
  void PlanToPutHostBack();
  void PutHostBack();
  void StartHost();
  absl::StatusOr<Coordinator::Dialed> Dial();
  Wire::Options WireOptions();
  void ForgetLastSettle();

  bool Step();
  absl::Duration GiveUpAt() const;
  bool AllHeard() const;
  bool NothingIsOpen();
  // What must not become of the tell; with what led there.
  void Violation(const SimTell& tell, absl::string_view what);
  void CheckOutcome(const SimTell& tell, const TellOutcome& outcome);
  bool IsExplained(const SimTell& tell, FailureKind kind);
  bool OtherHasItsBeginning(const SimTell& tell) const;
  void CheckStore();
  void CheckOrder();
  void CheckOrderOf(size_t sender, size_t team);
  void CheckRest();

  const Plan plan_;
  Desk& desk_;
  World world_;
  std::unique_ptr<Host> host_;
  std::vector<Sender> senders_;  // The second one is there for takeovers.
  std::vector<SimTell> tells_;
  std::vector<std::unique_ptr<Follower>> followers_;
  std::vector<std::shared_ptr<Wire>> wires_;
  absl::Duration began_;
  absl::Duration disturbed_until_;
  absl::Duration refuse_until_;
  std::vector<uint64_t> kinds_;  // Of faults, where a swarm has not all.
  WireFaults wire_faults_;
  std::map<std::string, absl::Duration> said_;  // Requests that a person answered, first when.
  bool disk_fails_ = false;
  bool put_back_ = false;               // The store was, from a copy.
  std::set<FailureKind> allowed_;       // By what has happened so far.
  std::vector<std::string> accepted_;   // Ids, in this order,
  std::set<std::string> in_any_order_;  // but for these of them.
  std::set<std::string> forgotten_;     // Claude began them before the host was put back.
  std::vector<std::string> copied_;     // Those that the copy of the store has.
  std::string last_settled_;
  absl::Duration last_settled_at_;
};

}  // namespace iris::simulation

#endif  // IRIS_TESTS_SIMULATION_SCHEDULE_RUN_H_
