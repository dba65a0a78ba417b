#ifndef IRIS_COORDINATOR_REACH_SHELL_SHELL_ATTEMPT_H_
#define IRIS_COORDINATOR_REACH_SHELL_SHELL_ATTEMPT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/link/connection.h"
#include "coordinator/reach/shell/agent_bundle.h"
#include "coordinator/reach/shell/dialogue.h"
#include "coordinator/reach/shell/shell_client.h"

namespace iris {

struct ShellAttemptOptions {
  std::string destination;         // For people.
  std::string agent_dir;           // remoteOptions.agentDir, or empty.
  absl::Duration connect_timeout;  // For the agent's greeting, and as failures name it.
  // An upload ends where the host takes no byte for so long; it may take any time in all.
  absl::Duration upload_silence_max = absl::Seconds(60);
  std::function<void(const ConnectProgress&)> on_progress;  // On the calling thread. May be empty.
  const std::atomic<bool>* cancelled = nullptr;             // May be null.
};

// One connection through a shell, from its first command to the agent's hello: finds the agent,
// puts it there if it is missing, and starts it. Used once; not thread-safe.
//
//   CommandLine() ── the kind starts its client with it ──▶ Meet()
class ShellAttempt {
 public:
  // Both outlive the attempt.
  ShellAttempt(const AgentBundle& bundle, const ShellAttemptOptions& options);

  // What the client is to have the host's shell run, one line (MakeRemoteCommandLine()).
  // `ignore_installed`: an agent that is there did not greet; its file is checked by its digest,
  // and put there again unless it is the right one. FAILURE_NO_AGENT_POSSIBLE: there is no build.
  absl::StatusOr<std::string> CommandLine(bool ignore_installed);

  // Until the agent greets: the connection's `hello` and `remark` are filled in. What comes from
  // the client's stdio next is gRPC. The failures are typed, and do not name the destination. Where
  // a shell answers that a startup file has put in place of our command, it is given the command on
  // its stdin, and `remark` says so.
  absl::StatusOr<Connection> Meet(ShellClient& client);

  // After a failure of Meet(): the host had an agent's file, from which no greeting came. Another
  // attempt may look closer.
  bool found_no_agent() const { return found_no_agent_; }

  // "doing DESTINATION".
  void Report(ConnectProgress::Stage stage, absl::string_view doing) const;

 private:
  absl::Status MeetShell(ShellClient& client, Dialogue& dialogue);
  absl::Status Install(ShellClient& client, Dialogue& dialogue, absl::string_view system);
  absl::Status WhyNoReply(const absl::Status& status, ShellClient& client, Dialogue& dialogue);
  absl::StatusOr<v1::Hello> AwaitHello(ShellClient& client);
  void ReportUpload(uint64_t done, uint64_t total);

  const AgentBundle& bundle_;
  const ShellAttemptOptions& options_;
  const std::string marker_;
  std::string stdin_line_;  // For a shell that runs in place of our command.
  std::string remark_;
  bool found_installed_ = false;
  bool found_no_agent_ = false;
  uint64_t upload_done_ = 0;
  uint64_t upload_bytes_ = 0;  // 0: none was begun.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_SHELL_ATTEMPT_H_
