#ifndef IRIS_COORDINATOR_CLI_ANSWER_H_
#define IRIS_COORDINATOR_CLI_ANSWER_H_

#include "coordinator/app/places.h"
#include "coordinator/cli/command_line.h"

namespace iris {

// `iris answer`: lists, shows or answers what teams ask. Returns the exit code: kExitFailed where
// the answer did not count, because another came first; kExitUsage where nothing with that id
// waits.
int RunAnswer(const CommandLine& command, const Places& places);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_ANSWER_H_
