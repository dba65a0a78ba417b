#include "coordinator/orchestrator/live_teams.h"

#include "coordinator/config/way_variables.h"
#include "coordinator/orchestrator/check_tell.h"

namespace iris {

Team LiveTeams::For(const SharedEnvironment& environment, Team team) {
  team.asker.environment = environment;
  return team;
}

absl::optional<Team> LiveTeams::Find(const std::string& to, const SharedEnvironment& environment) {
  const absl::StatusOr<std::shared_ptr<const Config>> config = config_.Current(environment);
  const Team* const team = config.ok() ? (*config)->FindTeam(to) : nullptr;
  if (team == nullptr) return absl::nullopt;
  return For(environment, *team);
}

std::string LiveTeams::WayFor(const std::string& to, const SharedEnvironment& environment) {
  const absl::optional<Team> team = Find(to, environment);
  return team.has_value() ? WayVariables(*team) : "";
}

bool LiveTeams::LeadsItsWay(const TellAsker& tell, const std::string& to,
                            const SharedEnvironment& environment) {
  const absl::optional<Team> team = Find(to, environment);
  return !team.has_value() || LeadsAsFor(tell.way(), *team);
}

absl::Status LiveTeams::CheckStillThere(const Caller& from, const std::string& to,
                                        const SharedEnvironment& environment) {
  const absl::StatusOr<std::shared_ptr<const Config>> config = config_.Current(environment);
  if (!config.ok() || (*config)->FindTeam(to) != nullptr) return absl::OkStatus();
  return CheckTeams(from, to, **config);
}

}  // namespace iris
