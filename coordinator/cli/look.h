#ifndef IRIS_COORDINATOR_CLI_LOOK_H_
#define IRIS_COORDINATOR_CLI_LOOK_H_

#include <string>

#include "absl/status/status.h"
#include "coordinator/app/places.h"
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/front_end.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// `iris status`: what the coordinator knows; starts none. Returns the exit code.
int RunStatus(const CommandLine& command, const Places& places);

absl::Status AskForTeams(const Coordinator& coordinator, v1::ListTeamsResponse& teams);

// FAILURE_BAD_REQUEST: `team` is not configured. What else AskForTeams() fails with.
absl::Status CheckTeam(const Coordinator& coordinator, const std::string& team);

// `iris teams`: the configured ones. Returns the exit code.
int RunTeams(const CommandLine& command, const Places& places);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_LOOK_H_
