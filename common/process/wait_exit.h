#ifndef IRIS_COMMON_PROCESS_WAIT_EXIT_H_
#define IRIS_COMMON_PROCESS_WAIT_EXIT_H_

#include <sys/types.h>

#include "absl/time/time.h"

namespace iris {

// Waits until there is no process `pid`, which need not be a child. False: it is still there at
// `deadline`.
bool WaitForExit(pid_t pid, absl::Time deadline);

}  // namespace iris

#endif  // IRIS_COMMON_PROCESS_WAIT_EXIT_H_
