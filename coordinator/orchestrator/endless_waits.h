#ifndef IRIS_COORDINATOR_ORCHESTRATOR_ENDLESS_WAITS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_ENDLESS_WAITS_H_

#include <string>

#include "absl/status/status.h"
#include "coordinator/orchestrator/arrivals.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/session_lines.h"
#include "coordinator/orchestrator/tell.h"
#include "coordinator/orchestrator/turn_waits.h"
#include "coordinator/orchestrator/wait_cycles.h"
#include "coordinator/store/stored.h"

namespace iris {

// Waits that would go on for ever: they are refused when the last of them comes, a new tell or an
// answer that is fetched by its id. Knows whose turns wait for which tells. Lives on the
// coordinator's loop.
class EndlessWaits {
 public:
  // All outlive this.
  EndlessWaits(const Arrivals& arrivals, const OpenTells& tells, const SessionLines& lines)
      : arrivals_(arrivals), tells_(tells), lines_(lines) {}
  EndlessWaits(const EndlessWaits&) = delete;
  EndlessWaits& operator=(const EndlessWaits&) = delete;

  // FAILURE_BAD_REQUEST, FAILURE_BUSY_LIMIT: the new tell to that session, and its sender's turn,
  // would wait for ever.
  absl::Status CheckNew(const TellSpec& spec, const std::string& asked) const;
  // The same of the turn of `asker_session`, which is to wait for a tell that is known.
  absl::Status CheckKnown(const StoredTell& tell, const std::string& asker_session) const;

  // `observer` waits for the tell in the turn of `asker_session`, if that is in one.
  void Add(const std::string& tell_id, const std::string& asker_session,
           const TellObserver* observer);
  // It waits no more; nobody waits for the tell any more; nobody does at all.
  void Remove(const std::string& tell_id, const TellObserver* observer) {
    waits_.Remove(tell_id, observer);
  }
  void Forget(const std::string& tell_id) { waits_.Forget(tell_id); }
  void Clear() { waits_.Clear(); }

 private:
  // The tell in whose turn the session waits; empty: it is another coordinator's, a person's, or in
  // a turn that nobody waits for.
  std::string TurnOf(const std::string& asker_session) const {
    return asker_session.empty() ? "" : lines_.InFlightOf(asker_session);
  }
  WaitCycles WaitsOfNow() const;

  const Arrivals& arrivals_;
  const OpenTells& tells_;
  const SessionLines& lines_;
  TurnWaits waits_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_ENDLESS_WAITS_H_
