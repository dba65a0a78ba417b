#ifndef IRIS_COORDINATOR_SERVICE_OWN_TEAM_H_
#define IRIS_COORDINATOR_SERVICE_OWN_TEAM_H_

#include <string>

#include "absl/strings/string_view.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// The local team whose folder holds `project_dir`, by their names as they are written; where several
// do, the innermost. Empty: none does. `home` is what ~/ stands for.
std::string OwnTeam(const v1::ListTeamsResponse& teams, absl::string_view project_dir,
                    absl::string_view home);

}  // namespace iris

#endif  // IRIS_COORDINATOR_SERVICE_OWN_TEAM_H_
