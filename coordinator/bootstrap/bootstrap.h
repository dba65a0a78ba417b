#ifndef IRIS_COORDINATOR_BOOTSTRAP_BOOTSTRAP_H_
#define IRIS_COORDINATOR_BOOTSTRAP_BOOTSTRAP_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"
#include "common/environment/environment.h"
#include "coordinator/bootstrap/agent_bundle.h"
#include "coordinator/config/config.h"
#include "coordinator/link/agent_channel.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

class Greeting;

// How gRPC's bytes travel (docs/PROTOCOL.md, Links).
enum class LinkMode { kLocal, kForward, kStdio };

// One host to reach, from a team's configuration.
struct SshTarget {
  RemoteCommand remote;
  RemoteOptions options;
  // All of the environment of whoever asks, which ssh gets. Empty: not known, this process's own
  // counts (SshEnv()).
  Environment lent_env;

  friend bool operator==(const SshTarget&, const SshTarget&) = default;
};

struct BootstrapProgress {
  // Before kUploading and kStarting nothing runs on the host, and no agent has been started there;
  // a failure may follow either at once.
  enum class Stage { kConnecting, kUploading, kStarting };
  Stage stage;
  std::string text;  // "uploading the agent to gpu1 (3.1 MB)"; for people.
  // Of the upload: what the host has, by its own word. Told at least every second; it grows as
  // often where the network takes anything.
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;
};

// The ssh client of one link. Ends with the object: SIGTERM, after at most 1 s SIGKILL, reaped with
// its helpers; its sockets are removed. Not thread-safe, pid() apart.
class SshClient {
 public:
  virtual ~SshClient() = default;
  virtual pid_t pid() const = 0;
  // Why the connection ended, from ssh's stderr and exit code; FAILURE_DROPPED where they say
  // nothing else. Waits up to 1 s for ssh to end. Call once the wire has failed.
  virtual absl::Status WhyEnded() = 0;
};

// A host with an agent that answers.
struct Connection {
  ScopedFd wire;  // Non-blocking; the hello has been read.
  // How the agent is called from here on; empty: by gRPC over `wire`.
  ChannelOpener open_channel = {};
  // The host's words: checked for protocol and length, fit to be shown, not believed.
  v1::Hello hello;
  LinkMode mode = LinkMode::kStdio;
  std::string mode_reason;         // Why not kForward; empty if it is.
  std::string remark;              // What is worth mending on the host; our words. Mostly empty.
  std::unique_ptr<SshClient> ssh;  // Keeps the connection; `wire` fails when it goes.
  bool uploaded = false;           // The agent was put there by this call.
};

struct BootstrapOptions {
  // An upload ends where the host takes no byte for so long; it may take any time in all.
  absl::Duration upload_silence_max = absl::Seconds(60);
  // For control and forward sockets; ours, 0700, short (≤ kRuntimeDirBytesMax), without blanks, ':'
  // or '%'.
  std::string runtime_dir;
  // On the calling thread. May be empty.
  std::function<void(const BootstrapProgress&)> on_progress;
  // Looked at at least every 100 ms. May be null.
  const std::atomic<bool>* cancelled = nullptr;
  // As ResolvedTarget says it of the ssh that is run.
  bool session_options = true;
  // Ssh was started: from here on it may have cost a login. On the calling thread. May be empty.
  std::function<void()> on_ssh = {};
  // A host that has said something before the login may want a person to do something first: then
  // it has so long for the login, where that is more than connect_timeout. sshd itself gives 2 min.
  absl::Duration login_patience = absl::Seconds(100);
  // What this host says before logins that nobody has to do anything for: what is learned here of
  // one that is granted at once, and asked of by the next calls. A host that says no more than that
  // and is silent then is FAILURE_UNREACHABLE after connect_timeout. The caller's, for these calls
  // one after the other; null: every word may want something.
  Greeting* greeting = nullptr;
};
inline constexpr size_t kRuntimeDirBytesMax = 64;

// Connects to the host over the system's ssh, puts the agent there if it is missing, starts it if
// it does not run, and returns the wire. One connection; one exec session when the agent is there
// (a second connection only where an installed agent does not greet: there its file is checked by
// its digest, and put there again unless it is the right one; once).
// Blocks; every wait has a deadline: connect_timeout of the target until the login, again from then
// on until the host's shell answers, and again for the hello. What a host says before the login is told as progress within 2 s, as the
// host's words, and stands in the failure. Where a startup file starts another shell in place of
// our command, that shell is given the command on its stdin (Connection::remark then says so).
//
// The wire is what the target's linkMode says; with kForward a host that does not forward is
// FAILURE_UNREACHABLE.
//
// Every failure is typed by what ssh or the host said (unreachable, auth, host_key, no_space,
// not_executable, no_agent_possible, version, timeout, cancelled; bad_request for what ssh refuses
// in the configuration; busy_limit where this machine has no more processes), begins with the
// destination, and leaves no process here and no truncated file there.
absl::StatusOr<Connection> ConnectOverSsh(const SshTarget& target, const AgentBundle& bundle,
                                          const BootstrapOptions& options);

}  // namespace iris

#endif  // IRIS_COORDINATOR_BOOTSTRAP_BOOTSTRAP_H_
