#ifndef IRIS_TESTS_SIMULATION_SCHEDULE_RUN_H_
#define IRIS_TESTS_SIMULATION_SCHEDULE_RUN_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
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
  std::string id;
  std::string text;
  bool sent = false;
  bool cancelled = false;
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

  void PlanTells();
  void PlanFaults();
  void CutAgain(absl::Duration every);
  void Fault(uint64_t which);
  void Send(SimTell& tell);
  void StartCoordinator();
  void FailDisk(uint64_t healthy, uint64_t failing, absl::Duration at_most);
  void FailOneWrite();
  void CopyStore();
  void PutStoreBack();
  void KillCoordinator();
  void LoseHost(Host::Loss loss);
  void PlanToPutHostBack();
  void PutHostBack();
  void StartHost();
  absl::StatusOr<Coordinator::Dialed> Dial();
  Wire::Options WireOptions();
  void ForgetLastSettle();

  bool Step();
  bool AllHeard() const;
  bool NothingIsOpen();
  void CheckOutcome(const SimTell& tell, const TellOutcome& outcome);
  void CheckStore();
  void CheckOrder();

  const Plan plan_;
  Desk& desk_;
  World world_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<StreamWatch> watch_;
  std::unique_ptr<Coordinator> coordinator_;
  std::vector<SimTell> tells_;
  std::vector<std::unique_ptr<Follower>> followers_;
  std::vector<std::shared_ptr<Wire>> wires_;
  absl::Duration refuse_until_;
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
