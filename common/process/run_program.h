#ifndef IRIS_COMMON_PROCESS_RUN_PROGRAM_H_
#define IRIS_COMMON_PROCESS_RUN_PROGRAM_H_

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace iris {

struct ProgramOutput {
  int exit_code = 0;  // 128 + the signal's number for a program that was killed.
  std::string out;    // At most kProgramOutputBytesMax each; the rest is read and forgotten.
  std::string err;
};
inline constexpr size_t kProgramOutputBytesMax = 256 << 10;

// Runs a short-lived program to its end, in `/`, with stdin on /dev/null. Its process group is
// gone when this returns. `cancelled` may be null.
//
// FAILURE_TIMEOUT: it ran past `deadline` and was killed. FAILURE_CANCELLED: likewise,
// `*cancelled`. FAILURE_BAD_REQUEST: it cannot be started (not found, not executable).
// FAILURE_BUSY_LIMIT: there are no more processes or descriptors.
absl::StatusOr<ProgramOutput> RunProgram(const std::vector<std::string>& argv,
                                         const std::vector<std::string>& env, absl::Time deadline,
                                         const std::atomic<bool>* cancelled = nullptr);

// The typed failure of a Spawn() of `program` that returned `why`: bad_request or busy_limit.
absl::Status CannotRun(const std::string& program, const absl::Status& why);

}  // namespace iris

#endif  // IRIS_COMMON_PROCESS_RUN_PROGRAM_H_
