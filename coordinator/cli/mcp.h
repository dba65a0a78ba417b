#ifndef IRIS_COORDINATOR_CLI_MCP_H_
#define IRIS_COORDINATOR_CLI_MCP_H_

#include "coordinator/app/places.h"
#include "coordinator/cli/command_line.h"

namespace iris {

// `iris mcp`: relays an MCP client's messages between stdin and stdout, one JSON text a line, and
// the coordinator, which is connected to, or started, with the first message. Of its own it says
// only what cannot be said by a coordinator: why there is none (the tools are listed all the same,
// and each call says it), that a line is too long. stdout carries nothing else.
//
// A coordinator that is lost is connected to again at once if a message waits for its answer, else
// with the next message. Ends when stdin does: what is answered within two seconds then is still
// said if somebody reads; the rest goes on without us. Also ends with the parent process, and by
// the usual signals, in the usual way: there is nothing to put away.
//
// Its client speaks for one caller as long as it lives (FindBoundCaller()): `command.team`, else
// who works in its folder. Returns the exit code: kExitFailed where stdin could not be read to its
// end.
int RunMcp(const CommandLine& command, const Places& places);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_MCP_H_
