#ifndef IRIS_COORDINATOR_CLI_TELL_H_
#define IRIS_COORDINATOR_CLI_TELL_H_

#include "coordinator/app/places.h"
#include "coordinator/cli/command_line.h"

namespace iris {

// `iris tell`. A coordinator that is lost on the way is connected to again, or started again, and
// gets the same tell: within 10 s, or, where the tell was accepted before, tried again for 2
// minutes, after which it says how to fetch the answer. Interrupted once the tell is accepted, it
// says how to come back to it, and the work goes on. Returns the exit code, kExitNotYet where its
// time is over first: the answer, or the partial text, is on stdout, everything else on stderr.
int RunTell(const CommandLine& command, const Places& places);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_TELL_H_
