#include "coordinator/orchestrator/ways.h"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/optional.h"
#include "coordinator/config/config.h"
#include "coordinator/orchestrator/accepted_tell.h"
#include "coordinator/orchestrator/check_tell.h"
#include "coordinator/store/stored.h"

namespace iris {

absl::StatusOr<SessionLine*> Ways::Find(const Caller& from, const std::string& to,
                                        const SharedEnvironment& environment) {
  const absl::StatusOr<std::shared_ptr<const Config>> config = teams_.Current(environment);
  if (!config.ok()) return config.status();
  if (absl::Status status = CheckTeams(from, to, **config); !status.ok()) return status;
  return FindAgain(from.name(), to, environment);
}

absl::StatusOr<SessionLine*> Ways::FindAgain(const std::string& from, const std::string& to,
                                             const SharedEnvironment& environment) {
  const absl::StatusOr<std::shared_ptr<const Config>> config = teams_.Current(environment);
  if (!config.ok()) return config.status();
  lines_.SetProcessesMax(static_cast<size_t>((*config)->settings.max_processes));
  if (absl::Status status = CheckTeams(Caller::CommandLine(), to, **config); !status.ok()) {
    return status;
  }
  const Team team = LiveTeams::For(environment, *(*config)->FindTeam(to));
  const absl::StatusOr<SessionLine*> line = lines_.GetOrCreate(from, team);
  if (!line.ok()) return line.status();
  if (absl::Status status = TakeUp(**line, environment); !status.ok()) return status;
  cancels_.PassOn((*line)->session());
  return line;
}

absl::Status Ways::TakeUp(SessionLine& line, const SharedEnvironment& environment) {
  absl::Status status;
  std::vector<std::string> stay;
  for (std::string& tell_id : wayless_.TakeAll()) {
    AcceptedTell* const tell = tells_.Find(tell_id);
    if (tell == nullptr) continue;
    if (!status.ok() || tell->session_id() != line.session_id() ||
        !teams_.LeadsItsWay(tell->asker(), line.session().to(), environment)) {
      stay.push_back(std::move(tell_id));
      continue;
    }
    absl::StatusOr<absl::optional<StoredTell>> stored = store_.FindTell(tell_id);
    if (!stored.ok()) {
      status = stored.status();
      stay.push_back(std::move(tell_id));
    } else if (stored->has_value()) {
      tell->asker().GoOnWith(environment);
      line.TakeUp(**std::move(stored));
    }
  }
  wayless_.PutBack(std::move(stay));
  return status;
}

}  // namespace iris
