#ifndef IRIS_COORDINATOR_REACH_SSH_RESOLVE_TARGET_H_
#define IRIS_COORDINATOR_REACH_SSH_RESOLVE_TARGET_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/reach/ssh/ssh_connect.h"

namespace iris {

// What ssh made of a target at one moment.
struct ResolvedSsh {
  SshTarget target;  // As it was asked for, with the environment of that moment.
  // Equal for two targets only where one connection may serve both: everything that `ssh -G`
  // prints but LeftOutOfKey(), of the host and of each jump host, program, options and destination
  // as they are written (a `%n` is printed as it stands), the file that the program is by the
  // asker's PATH, what counts of ssh's environment (EnvironmentThatCounts()), agentDir and
  // linkMode. Where nobody knows which host a jump host is (a shell reads its name, when ssh runs
  // the ssh of it), it equals no other key, not even the next one of the same target. Not for
  // people, and not for a log: it holds what SetEnv and the environment hold.
  std::string key;
  std::string name;  // "user@host:port", for people. Others may have the same.
  // ssh knows the options ForkAfterAuthentication, StdinNull and SessionType, since it prints them.
  bool session_options = false;
};

// Runs `ssh -G`, and for every jump host on the way, 8 at most, once more, as ssh runs the ssh of
// that host. Connects to nothing, but runs the `Match exec` commands of the user's configuration,
// and may ask the DNS: it blocks, for 10 s or the target's connect_timeout, whichever is longer.
//
// A program other than ssh that does not know -G is taken by its words alone.
//
// FAILURE_BAD_REQUEST: ssh refuses the configuration, with its words, or it names more jump hosts
// than are asked about: where a connection leads that is not asked about nobody knows, and teams
// must not share it. FAILURE_UNREACHABLE: it cannot find the name. Both also of a jump host.
// FAILURE_TIMEOUT, FAILURE_CANCELLED (`cancelled`, which may be null), FAILURE_INTERNAL: no
// descriptors.
absl::StatusOr<ResolvedSsh> ResolveTarget(const SshTarget& target,
                                          const std::atomic<bool>* cancelled = nullptr);

// The target as it is written, and all of the environment that ssh gets: for two of which this is
// the same, ssh has the same answer now.
std::string WrittenTarget(const SshTarget& target);

// What `ssh -G` prints and the key leaves out: what ConnectArgv() sets on ssh's command line, where
// the first value counts, so that the user's value decides nothing. A keyword that is not named
// here is in the key, known or not.
struct LeftOutKeyword {
  absl::string_view keyword;  // As `ssh -G` prints it: lower case.
  absl::string_view why;
};
absl::Span<const LeftOutKeyword> LeftOutOfKey();

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_RESOLVE_TARGET_H_
