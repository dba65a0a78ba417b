#ifndef IRIS_COORDINATOR_CLI_WAKE_H_
#define IRIS_COORDINATOR_CLI_WAKE_H_

#include <string>
#include <vector>

#include "coordinator/app/places.h"
#include "coordinator/cli/command_line.h"

namespace iris {

// `iris wake` and `iris takeover`: waits until the session's child answers; a takeover takes the
// session from who holds it first. Returns the exit code.
int RunWake(const CommandLine& command, const Places& places);

// `iris sleep`: ends the session's child. Returns the exit code: kExitFailed where it answers a
// message, unless `command.force`.
int RunSleep(const CommandLine& command, const Places& places);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_WAKE_H_
