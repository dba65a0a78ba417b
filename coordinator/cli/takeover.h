#ifndef IRIS_COORDINATOR_CLI_TAKEOVER_H_
#define IRIS_COORDINATOR_CLI_TAKEOVER_H_

#include "coordinator/app/places.h"
#include "coordinator/cli/command_line.h"

namespace iris {

// `iris takeover`: takes the session and waits until its child answers. Returns the exit code.
int RunTakeover(const CommandLine& command, const Places& places);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_TAKEOVER_H_
