#ifndef IRIS_COORDINATOR_ORCHESTRATOR_TEAM_TROUBLE_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_TEAM_TROUBLE_H_

#include "absl/status/status.h"

namespace iris {

// What somebody has to mend in the folder, the claude or the account of a session's team before it
// answers: a failure of its last start or its last tell, until one of them goes well. What is wrong
// with the link to its host is not in it, nor what went wrong by chance. Not thread-safe.
class TeamTrouble {
 public:
  // The child answers: it starts again.
  void OnReady();
  // There is no child any more, or none could be started.
  void OnDown(const absl::Status& why);
  // A tell of the session was settled so.
  void OnSettled(const absl::Status& outcome);

  // OK: nothing is known.
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_TEAM_TROUBLE_H_
