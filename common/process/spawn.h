#ifndef IRIS_COMMON_PROCESS_SPAWN_H_
#define IRIS_COMMON_PROCESS_SPAWN_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace iris {

// What to start. Nothing passes through a shell.
struct SpawnSpec {
  // argv[0] holds a '/', or is looked up in the absolute directories of the child's PATH; where
  // `env` has none, of our own.
  std::vector<std::string> argv;
  std::vector<std::string> env;  // "NAME=value"; the whole environment of the child.
  std::string cwd;               // Empty = ours.
  // Descriptors of the child: {its number, ours}. 0, 1 and 2 that are not named are /dev/null;
  // every other descriptor is closed. Ours stay open here.
  std::vector<std::pair<int, int>> fds;
  bool new_session = false;  // setsid().
  // setsid() and a second fork: no child of ours, so that nobody here reaps it. Spawn() returns 0.
  bool detached = false;
};

// Starts a child of the calling process with default signal dispositions and an empty signal mask.
// Returns when exec has succeeded. The caller reaps it. Thread-safe.
//
// NotFound, PermissionDenied, …: errno of what failed, with the name of the step ("exec", "chdir")
// in the message; nothing is left running.
absl::StatusOr<pid_t> Spawn(const SpawnSpec& spec);

// The file that Spawn() would run by that argv[0] with that environment, by its real path;
// `program` itself where it holds a '/', or where there is none. Blocks where a directory of PATH
// does.
std::string ExecutableOf(const std::string& program, const std::vector<std::string>& env);

// Clock ticks since boot at which `pid` started (/proc/PID/stat), which together with the pid names
// a process for good. 0 if there is no such process.
uint64_t ProcessStartTime(pid_t pid);
// What it has used of the CPUs, without its children, in the kernel's ticks (mostly 10 ms). 0 as
// above.
absl::Duration ProcessCpuTime(pid_t pid);

}  // namespace iris

#endif  // IRIS_COMMON_PROCESS_SPAWN_H_
