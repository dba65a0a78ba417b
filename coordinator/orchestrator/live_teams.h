#ifndef IRIS_COORDINATOR_ORCHESTRATOR_LIVE_TEAMS_H_
#define IRIS_COORDINATOR_ORCHESTRATOR_LIVE_TEAMS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/environment/environment.h"
#include "coordinator/caller/caller.h"
#include "coordinator/config/config.h"
#include "coordinator/orchestrator/live_config.h"
#include "coordinator/orchestrator/tell_asker.h"

namespace iris {

// The teams of the configuration as it stands, as they are for whoever asks. An environment that is
// null is nobody's: then this process's own counts. Not thread-safe.
class LiveTeams {
 public:
  // `config` outlives this.
  explicit LiveTeams(LiveConfig& config) : config_(config) {}

  // As LiveConfig::Current().
  absl::StatusOr<std::shared_ptr<const Config>> Current(const SharedEnvironment& environment) {
    return config_.Current(environment);
  }
  // The team as it is for who has this environment.
  static Team For(const SharedEnvironment& environment, Team team);
  // The same; nothing: the configuration does not load for that one, or has no such team.
  absl::optional<Team> Find(const std::string& to, const SharedEnvironment& environment);
  // The WayVariables() of who has that environment; empty: nobody can say.
  std::string WayFor(const std::string& to, const SharedEnvironment& environment);
  // Whether `to` is for that one where it was for the tell's sender, or nobody can say.
  bool LeadsItsWay(const TellAsker& tell, const std::string& to,
                   const SharedEnvironment& environment);
  // OK: the team is configured, or nobody can say. Else as CheckTeams().
  absl::Status CheckStillThere(const Caller& from, const std::string& to,
                               const SharedEnvironment& environment);

 private:
  LiveConfig& config_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_ORCHESTRATOR_LIVE_TEAMS_H_
