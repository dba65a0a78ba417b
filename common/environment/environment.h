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

// Of one sender, or of two who have the same; null is nobody's.
inline bool IsSame(const SharedEnvironment& one, const SharedEnvironment& other) {
  return one == other || (one != nullptr && other != nullptr && *one == *other);
}

inline constexpr size_t kEnvironmentBytesMax = 256 << 10;
inline constexpr size_t kEnvironmentEntriesMax = 4096;

// What CutEnvironment() takes out is named in this variable of what it leaves, so whoever gets the
// environment can see: the claude that goes without, status, a program that wonders. Names,
// separated by commas.
inline constexpr char kLeftOutVariable[] = "IRIS_LEFT_OUT";
inline constexpr size_t kLeftOutBytesMax = 1 << 10;

// In the environment of a daemon of Iris (StartDaemon() puts it there), and of nothing that it
// starts: whoever ends what a claude has started spares who has it. It stays over execve().
inline constexpr char kDaemonVariable[] = "IRIS_DAEMON";

// This process's, for programs that are to run as if they were started in its place: without what
// StaysBehind(), and cut to the bounds. No other thread may change the environment meanwhile.
Environment OwnEnvironment();

// What a claude, a shell, or Iris sets for the processes right below it, and what would lie to
// every other: CLAUDECODE and the like, OLDPWD, the marks of a session and of a daemon.
bool StaysBehind(absl::string_view name);

// Takes variables out until the rest is within both bounds, and names them in kLeftOutVariable:
// beyond kEnvironmentEntriesMax the last by name, beyond kEnvironmentBytesMax the largest. Not
// HOME, PATH, USER, LOGNAME and LANG, without which nothing works, unless they alone are too large.
void CutEnvironment(Environment& env);

// The names in kLeftOutVariable, whoever has said them, cut to kLeftOutBytesMax. The last may be
// "and N more".
std::vector<std::string> LeftOutOf(const Environment& env);

// What an ssh client is to have of whoever asks, where it gets nothing else of theirs: the way to
// their keys, their tickets and their screen.
inline constexpr const char* kSshVariables[] = {"SSH_AUTH_SOCK", "KRB5CCNAME", "DISPLAY"};

// "NAME=value" each, as execve() takes them.
std::vector<std::string> EntriesOf(const Environment& env);

// Adds the variable of `entry`, "NAME=value", unless it is none or StaysBehind().
void AddEntry(absl::string_view entry, Environment& env);

// From here on neither this process nor what it starts leaves a core, in a file or to a program
// that collects them: environments of others would stand in it. By a soft limit of 1 byte, the one
// value by which a kernel does not even start that program; whoever wants a core raises it again.
// Where the hard limit is 0 such a program still gets a core, but none of the memory.
void LeaveNoCores();

}  // namespace iris

#endif  // IRIS_COMMON_ENVIRONMENT_ENVIRONMENT_H_
