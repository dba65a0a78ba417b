#ifndef IRIS_COORDINATOR_BOOTSTRAP_SSH_FAILURE_H_
#define IRIS_COORDINATOR_BOOTSTRAP_SSH_FAILURE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace iris {

// What is known of an ssh client that ended, or that is being given up.
struct SshEnd {
  // How far the connection had come: the same words mean another thing once a host has answered.
  enum class Stage {
    kConnecting,  // Our command has not answered.
    kBootstrap,   // It has; the agent has not greeted yet.
    kUp,          // The link was up.
  };
  Stage stage = Stage::kConnecting;
  absl::optional<int> exit_code;  // Nothing: it still ran.
  std::string stderr_text;        // ssh's and the host's, mixed; the end of it.
  std::string noise;              // What the host printed on stdout before our command did.
};

// The typed failure. OpenSSH says what failed only in words, and those are the same under every
// locale; the table in the .cc is of version 9.2, measured. Its exit code 255 alone proves nothing:
// a remote command may return that too.
//
// kConnecting and kBootstrap: unreachable, auth, host_key, bad_request, no_agent_possible, or what
// the agent's bridge itself said. kUp: dropped, or unreachable where the words say so.
absl::Status ClassifySshEnd(const SshEnd& end);

}  // namespace iris

#endif  // IRIS_COORDINATOR_BOOTSTRAP_SSH_FAILURE_H_
