#ifndef IRIS_COORDINATOR_ORCHESTRATOR_LINE_SETTINGS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_LINE_SETTINGS_H_

#include "common/environment/environment.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/line_order.h"
#include "coordinator/orchestrator/live_teams.h"
#include "coordinator/orchestrator/open_tells.h"
#include "coordinator/orchestrator/session_wakes.h"
#include "coordinator/pool/pooled_session.h"

namespace iris {

// With whose environment, and with which settings of its team, a session goes on: those of its tell
// that is under way, or else of what is next. Lives on the coordinator's loop.
class LineSettings {
 public:
  // All outlive this, or it is not used any more.
  LineSettings(PooledSession& session, const LineOrder& order, const SessionWakes& wakes,
               OpenTells& tells, LiveTeams& teams)
      : session_(session), order_(order), wakes_(wakes), tells_(tells), teams_(teams) {}
  LineSettings(const LineSettings&) = delete;
  LineSettings& operator=(const LineSettings&) = delete;

  // Of whoever asked for what is under way, or is next.
  SharedEnvironment environment() const;
  // The session takes over the settings as they stand now. The configuration may have been edited
  // while the message waited behind another. Where it does not load, or has the team no more, what
  // was accepted goes on with the settings that there were.
  void UseThoseOfNow();

  // An earlier life took the tell, and it is to have variables of whoever asks (passEnv), which
  // nobody has since.
  bool LacksVariables(const AcceptedTell& tell) const;
  // Such a tell is the first that waits.
  bool FirstLacksVariables() const;

  // The tell is lent that. False: it is not led its sender's way with it.
  bool Lend(AcceptedTell& tell, const SharedEnvironment& environment, bool by_sender);
  // The session goes on with that one's. False: for that one there is no such team.
  bool UseThoseOf(const SharedEnvironment& environment);

 private:
  // Null: nothing is next, or a wake.
  const AcceptedTell* TellOfNow() const;

  PooledSession& session_;
  const LineOrder& order_;
  const SessionWakes& wakes_;
  OpenTells& tells_;
  LiveTeams& teams_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LINE_SETTINGS_H_
