#ifndef IRIS_COMMON_ENVIRONMENT_ENVIRONMENT_H_
#define IRIS_COMMON_ENVIRONMENT_ENVIRONMENT_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace iris {

// The variables of a process, by name. People keep secrets in them: no value is ever stored, logged
// or shown.
using Environment = std::map<std::string, std::string>;
using SharedEnvironment = std::shared_ptr<const Environment>;

inline constexpr size_t kEnvironmentBytesMax = 256 << 10;
inline constexpr size_t kEnvironmentEntriesMax = 4096;

// This process's, for programs that are to run as if they were started in its place: without what
// StaysBehind(), and within both bounds (what is too large goes first). No other thread may change
// the environment meanwhile.
Environment OwnEnvironment();

// What a claude, or Iris, sets for the processes right below it, and what would lie to every other:
// CLAUDECODE and the like, the mark of a session.
bool StaysBehind(absl::string_view name);

// Takes the largest variables out until the rest is within the bounds.
void CutEnvironment(Environment& env);

// "NAME=value" each, as execve() takes them.
std::vector<std::string> EntriesOf(const Environment& env);

// Adds the variable of `entry`, "NAME=value", unless it is none or StaysBehind().
void AddEntry(absl::string_view entry, Environment& env);

// From here on neither this process nor what it starts leaves a core file (the soft limit, which
// whoever wants one raises again): environments of others would stand in it.
void LeaveNoCores();

}  // namespace iris

#endif  // IRIS_COMMON_ENVIRONMENT_ENVIRONMENT_H_
