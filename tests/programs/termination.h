#ifndef IRIS_TESTS_PROGRAMS_TERMINATION_H_
#define IRIS_TESTS_PROGRAMS_TERMINATION_H_

#include <sys/types.h>

#include <string>

namespace iris::stub {

// Signals as claude takes them: SIGTERM and SIGHUP end the process with 143 and 129 and no result,
// also while it is blocked on a full stdout; SIGINT makes the returned descriptor readable;
// SIGPIPE is ignored.
int InstallSignalHandlers();

// While a tool runs, SIGTERM and SIGHUP first kill its group and write `line` to `transcript`.
void OnTerminationKill(pid_t tool, int transcript, const std::string& line);
void OnTerminationKillNothing();

// From now on nothing short of SIGKILL ends the process. Never returns.
[[noreturn]] void Wedge();

}  // namespace iris::stub

#endif  // IRIS_TESTS_PROGRAMS_TERMINATION_H_
