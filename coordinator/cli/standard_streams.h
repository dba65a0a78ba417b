#ifndef IRIS_COORDINATOR_CLI_STANDARD_STREAMS_H_
#define IRIS_COORDINATOR_CLI_STANDARD_STREAMS_H_

namespace iris {

// Takes the numbers 0 to 2 where stdin, stdout or stderr is closed, so that no file and no socket
// of ours gets them: an answer would be written into it. Reading and writing still fail, with
// EBADF. Before anything is opened. Ends the process where there is no /dev/null to take them with.
void HoldStandardStreams();

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_STANDARD_STREAMS_H_
