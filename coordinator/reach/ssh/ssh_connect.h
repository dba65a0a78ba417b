#ifndef IRIS_COORDINATOR_REACH_SSH_SSH_CONNECT_H_
#define IRIS_COORDINATOR_REACH_SSH_SSH_CONNECT_H_

#include <atomic>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/environment/environment.h"
#include "coordinator/config/config.h"
#include "coordinator/link/connection.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "coordinator/reach/ssh/ssh_keys.h"

namespace iris {

class Greeting;

// One host to reach, from a team's configuration.
struct SshTarget {
  RemoteCommand remote;
  SshOptions options;
  // All of the environment of whoever asks, which ssh gets. Empty: not known, this process's own
  // counts (SshEnv()).
  Environment lent_env;

  friend bool operator==(const SshTarget&, const SshTarget&) = default;
};

struct SshConnectOptions {
  // An upload ends where the host takes no byte for so long; it may take any time in all.
  absl::Duration upload_silence_max = absl::Seconds(60);
  // For control and forward sockets; ours, 0700, short (≤ kRuntimeDirBytesMax), without blanks, ':'
  // or '%'.
  std::string runtime_dir;
  // On the calling thread. May be empty.
  std::function<void(const ConnectProgress&)> on_progress;
  // Looked at at least every 100 ms. May be null.
  const std::atomic<bool>* cancelled = nullptr;
  // As ResolvedSsh says it of the ssh that is run.
  bool session_options = true;
  // Ssh was started: from here on it may have cost a login. On the calling thread. May be empty.
  std::function<void()> on_ssh = {};
  // A host that has said something before the login may want a person to do something first: then
  // it has so long for the login, where that is more than connect_timeout. sshd itself gives 2 min.
  absl::Duration login_patience = absl::Seconds(100);
  // What this host says before logins that nobody has to do anything for: what is learned here of
  // one that is granted at once, and asked of by the next calls. A host that says no more than that
  // and is silent then is FAILURE_UNREACHABLE after connect_timeout. The caller's; null: every word
  // may want something.
  Greeting* greeting = nullptr;
};
inline constexpr size_t kRuntimeDirBytesMax = 64;

// Connects to the host over the system's ssh, puts the agent there if it is missing, starts it if
// it does not run, and returns the wire. One connection; one exec session when the agent is there
// (a second connection only where an installed agent does not greet: there its file is checked by
// its digest, and put there again unless it is the right one; once).
// Blocks; every wait has a deadline: connect_timeout of the target until the login, again from then
// on until the host's shell answers, and again for the hello. What a host says before the login is
// reported as progress within 2 s, as the host's words, and stands in the failure. Where a startup
// file starts another shell in place of our command, that shell is given the command on its stdin
// (Connection::remark then says so).
//
// The wire is what the target's linkMode says; with kForward a host that does not forward is
// FAILURE_UNREACHABLE.
//
// Every failure is typed by what ssh or the host said (unreachable, auth, host_key, no_space,
// not_executable, no_agent_possible, version, timeout, cancelled; bad_request for what ssh refuses
// in the configuration; busy_limit where this machine has no more processes), begins with the
// destination, and leaves no process here and no truncated file there.
absl::StatusOr<Connection> ConnectOverSsh(const SshTarget& target, const AgentBundle& bundle,
                                          const SshConnectOptions& options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_SSH_CONNECT_H_
