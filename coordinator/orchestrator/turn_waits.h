#ifndef IRIS_COORDINATOR_ORCHESTRATOR_TURN_WAITS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_TURN_WAITS_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/orchestrator/wait_cycles.h"

namespace iris {

// Turns that wait for the end of tells as long as it takes, which every one of them does for an
// observer of its own. A wait that would go on for ever is refused when the last one of it comes: a
// new tell, or an answer that is fetched by its id. Not thread-safe.
class TurnWaits {
 public:
  // The tell in whose turn a session is; empty: it is in none, or another coordinator's, or a
  // person's.
  using TurnOf = absl::FunctionRef<std::string(const std::string& session_id)>;

  // `observer` waits for the tell, which is open on the session `asked`, in the turn `turn` of
  // `asker`.
  void Add(const std::string& tell_id, const std::string& asked, const TellObserver* observer,
           const std::string& asker, const std::string& turn);
  // It waits no more; nobody waits for the tell any more.
  void Remove(const std::string& tell_id, const TellObserver* observer);
  void Forget(const std::string& tell_id) { by_tell_.erase(tell_id); }
  void Clear() { by_tell_.clear(); }

  bool Waits(const std::string& tell_id, const std::string& asker, const std::string& turn) const;
  // Adds those whose turns go on: a front end may outlive the turn that it was started in. Not
  // those for tells that are over, as `is_over` has it.
  void AddTo(WaitCycles& waits, TurnOf turn_of,
             absl::FunctionRef<bool(const std::string& tell_id)> is_over) const;

 private:
  struct Wait {
    const TellObserver* observer;
    std::string asked;
    std::string asker;
    std::string turn;  // Once it is over nothing waits.
  };

  std::map<std::string, std::vector<Wait>> by_tell_;
};

// The turn `turn` of `asker` is to wait for a message.
struct NewWait {
  std::string asker;
  std::string turn;
  std::string asked;    // The session of the message.
  std::string to;       // Its team.
  std::string tell_id;  // Its id.
};
// Where the message is new, and where it is known already. FAILURE_BAD_REQUEST: it would wait for
// itself. FAILURE_BUSY_LIMIT: all of `processes_max` processes are of turns that wait.
absl::Status CheckWaitForNew(const NewWait& wait, const WaitCycles& waits, size_t processes_max);
absl::Status CheckWaitForKnown(const NewWait& wait, const WaitCycles& waits, size_t processes_max);

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_TURN_WAITS_H_
