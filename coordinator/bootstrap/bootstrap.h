#ifndef IRIS_COORDINATOR_BOOTSTRAP_BOOTSTRAP_H_
#define IRIS_COORDINATOR_BOOTSTRAP_BOOTSTRAP_H_

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"
#include "coordinator/bootstrap/agent_bundle.h"
#include "coordinator/config/config.h"
#include "proto/iris/v1/agent.pb.h"

namespace iris {

// How gRPC's bytes travel (docs/PROTOCOL.md, Links).
enum class LinkMode { kLocal, kForward, kStdio };

// One host to reach, from a team's configuration.
struct SshTarget {
  RemoteCommand remote;
  RemoteOptions options;
  // SSH_AUTH_SOCK, KRB5CCNAME, DISPLAY of whoever asks.
  std::map<std::string, std::string> lent_env;
};

struct BootstrapProgress {
  enum class Stage { kConnecting, kUploading, kStarting };
  Stage stage;
  std::string text;
  uint64_t bytes_done = 0;   // Uncompressed share of what the host has taken is not known: bytes sent.
  uint64_t bytes_total = 0;
};

// The ssh client of one link. Ends with the object: SIGTERM, then SIGKILL, reaped.
class SshClient {
 public:
  virtual ~SshClient() = default;
  virtual pid_t pid() const = 0;
  // Why the connection ended, from ssh's stderr and exit code; FAILURE_DROPPED where they say nothing
  // else. Waits up to 1 s for ssh to end. Call once the wire has failed.
  virtual absl::Status WhyEnded() = 0;
};

// A host with an agent that answers.
struct Connection {
  ScopedFd wire;  // Non-blocking; the hello has been read; gRPC from here on.
  v1::Hello hello;
  LinkMode mode = LinkMode::kStdio;
  std::string mode_reason;  // Why not kForward; empty if it is.
  std::unique_ptr<SshClient> ssh;  // Destroyed after `wire` is closed.
  bool uploaded = false;    // The agent was put there by this call.
};

struct BootstrapOptions {
  bool allow_forward = true;
  absl::Duration upload_timeout = absl::Minutes(10);  // Beyond connect_timeout, and only while bytes move.
  std::string runtime_dir;  // For control and forward sockets; ours, 0700, short.
  std::function<void(const BootstrapProgress&)> on_progress;  // Called on the calling thread.
  const std::atomic<bool>* cancelled = nullptr;  // Looked at at least every 100 ms.
};

// Connects to the host over the system's ssh, puts the agent there if it is missing, starts it if it does not run, and
// returns the wire. One connection; one exec session when the agent is there. Blocks; every wait
// has a deadline: options.connect_timeout of the target until the marker, and again for the hello.
//
// Every failure is typed by what ssh or the host said (unreachable, auth, host_key, no_space,
// not_executable, no_agent_possible, version, timeout, cancelled), with the host's name, and leaves no process here.
absl::StatusOr<Connection> ConnectOverSsh(const SshTarget& target, const AgentBundle& bundle,
                                          const BootstrapOptions& options);

// What `ssh -G` resolves the target to, as one string that is equal for two spellings of one target: user, host name,
// port, jumps, identities, and options.agent_dir. For people, the start of it is "user@host:port".
absl::StatusOr<std::string> ResolveTarget(const SshTarget& target);

}  // namespace iris

#endif  // IRIS_COORDINATOR_BOOTSTRAP_BOOTSTRAP_H_
