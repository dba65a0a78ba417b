#ifndef IRIS_COORDINATOR_CLI_TELLS_H_
#define IRIS_COORDINATOR_CLI_TELLS_H_

#include "coordinator/app/places.h"
#include "coordinator/cli/command_line.h"

namespace iris {

// `iris tells`: the list, or with an id, its beginning, or --last one message's answer, as `iris
// tell` prints it; what was printed is fetched. Returns the exit code: kExitNotYet where that one
// is not answered yet.
int RunTells(const CommandLine& command, const Places& places);

// `iris cancel`: done when the message is settled, whatever that took. Fails where it was settled
// before, or ended otherwise.
int RunCancel(const CommandLine& command, const Places& places);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_TELLS_H_
