#ifndef IRIS_COORDINATOR_ORCHESTRATOR_INTAKE_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_INTAKE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/environment/environment.h"
#include "coordinator/caller/caller.h"
#include "coordinator/orchestrator/arrivals.h"
#include "coordinator/orchestrator/askers.h"
#include "coordinator/orchestrator/earlier_tells.h"
#include "coordinator/orchestrator/endless_waits.h"
#include "coordinator/orchestrator/live_teams.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/session_line.h"
#include "coordinator/orchestrator/session_lines.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/orchestrator/tell_limits.h"
#include "coordinator/orchestrator/wayless_tells.h"
#include "coordinator/orchestrator/ways.h"
#include "coordinator/store/store_queue.h"
#include "coordinator/store/stored.h"

namespace iris {

// What comes: new tells, tells that come again, and who follows one. Says what of them is taken,
// and puts what is new into the line of its session, once it is stored. Lives on the coordinator's
// loop.
class Intake final : private ArrivalOwner {
 public:
  struct Parts {
    StoreQueue& store;
    OpenTells& tells;
    const WaylessTells& wayless;
    LiveTeams& teams;
    SessionLines& lines;
    Ways& ways;
    Askers& askers;
    EarlierTells& earlier;
    const TellLimits& limits;
  };
  // All outlive this.
  explicit Intake(const Parts& parts)
      : parts_(parts),
        arrivals_(parts.store, *this, parts.limits.observers_max),
        waits_(arrivals_, parts.tells, parts.lines) {}
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // As Orchestrator.
  absl::Status Tell(TellSpec spec, TellObserver* observer);
  absl::Status Follow(const std::string& tell_id, const Caller& caller, TellObserver* observer,
                      const std::string& asker_session);
  void RemoveObserver(const std::string& tell_id, const TellObserver* observer);

  // What is being stored, and who waits for that.
  Arrivals& arrivals() { return arrivals_; }
  const Arrivals& arrivals() const { return arrivals_; }

  // Nobody waits for the tell any more; for none at all.
  void OnSettled(const std::string& tell_id) { waits_.Forget(tell_id); }
  void Leave(const absl::Status& why);

 private:
  absl::Status CheckSpec(const TellSpec& spec) override;
  absl::Status OnKnown(StoredTell stored, const TellSpec& spec, TellObserver* observer) override;
  absl::StatusOr<NewTell> Admit(TellSpec& spec) override;
  absl::Status OnWritten(NewTell added, TellSpec& spec, TellObserver* observer) override;
  absl::Status OnDurable(const std::string& tell_id, TellObserver* observer) override;

  // The line of a tell that is new and may be taken.
  absl::StatusOr<SessionLine*> CheckNew(const TellSpec& spec);
  // It stands in the line, and the line goes on.
  void TakePlace(const std::string& tell_id, SessionLine& line,
                 const SharedEnvironment& environment);
  // Lets the observer follow the tell, open or settled.
  absl::Status Join(StoredTell stored, TellObserver* observer);
  // The same of one that is open here.
  void JoinOpen(const std::string& tell_id, TellObserver* observer);

  const Parts parts_;
  Arrivals arrivals_;
  EndlessWaits waits_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_INTAKE_H_
