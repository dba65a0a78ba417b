#ifndef IRIS_COORDINATOR_CLI_LOOK_H_
#define IRIS_COORDINATOR_CLI_LOOK_H_

#include <string>
#include <vector>

#include "coordinator/app/places.h"
#include "coordinator/cli/command_line.h"

namespace iris {

// `iris status`: what the coordinator knows; starts none. Returns the exit code.
int RunStatus(const CommandLine& command, const Places& places);

// `iris teams`: the configured ones. Returns the exit code.
int RunTeams(const CommandLine& command, const Places& places,
             const std::vector<std::string>& variables);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_LOOK_H_
