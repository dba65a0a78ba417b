#ifndef IRIS_COORDINATOR_REACH_SHELL_SHELL_CLIENT_H_
#define IRIS_COORDINATOR_REACH_SHELL_SHELL_CLIENT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace iris {

// How far a connection had come when its client ended: the same words mean another thing once a
// host has answered.
enum class ClientStage {
  kConnecting,  // Our command has not answered.
  kBootstrap,   // It has; the agent has not greeted yet.
  kUp,          // The link was up.
};

// A program here whose stdin and stdout are a shell on a host, as the steps through that shell see
// it (ShellAttempt): what only its kind knows of what comes before the shell, and of how it ended.
// Not thread-safe.
class ShellClient {
 public:
  virtual ~ShellClient() = default;

  // A non-blocking stream socket.
  virtual int stdio() const = 0;

  // What comes before the shell is over, a login for example: our command may run, or run yet.
  virtual bool at_shell() const = 0;
  // Until when our command may answer; asked twice a second, since that may depend on what the host
  // says meanwhile.
  virtual absl::Time Deadline() = 0;
  // Our command has answered.
  virtual void OnAnswered() {}
  // That time is over, and it is not at_shell(): the typed failure.
  virtual absl::Status WhyNotAtShell() = 0;

  // The host has ended the talk. `noise`: what it printed before our command did.
  struct End {
    absl::Status why;  // Typed, by the exit and its words.
    // At kBootstrap: the agent's file may be no agent, whatever `why` makes of it.
    bool agent_said_nothing = false;
  };
  virtual End Explain(ClientStage stage, std::string noise) = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_SHELL_CLIENT_H_
