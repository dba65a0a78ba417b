#ifndef IRIS_COORDINATOR_CLI_ARGUMENTS_H_
#define IRIS_COORDINATOR_CLI_ARGUMENTS_H_

#include <string>
#include <vector>

namespace iris {

// The arguments of this process. Every account of the machine can read them for as long as it runs
// (ps, /proc/PID/cmdline), so those of commands that take a message (tell, answer) are zeroed in
// the process's own memory: what follows the verb is gone for others when this returns. They could
// be seen between exec and here, a few milliseconds; for a secret there is stdin.
std::vector<std::string> TakeArguments(int argc, char** argv);

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_ARGUMENTS_H_
