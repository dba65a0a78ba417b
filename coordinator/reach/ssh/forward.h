#ifndef IRIS_COORDINATOR_REACH_SSH_FORWARD_H_
#define IRIS_COORDINATOR_REACH_SSH_FORWARD_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/scoped_fd.h"
#include "coordinator/reach/ssh/ssh_connect.h"
#include "coordinator/reach/ssh/ssh_process.h"

namespace iris {

// The sockets of one connection, in runtime_dir.
struct SshSockets {
  std::string control;  // ssh listens here for -O.
  std::string forward;  // ssh listens here for us.
  std::string log;      // A FIFO that ssh writes its own lines to.
};

// Asks the running `ssh` to forward `sockets.forward` to the agent's own socket, connects and reads
// the hello there, which must be of the agent that greeted over the exec session. That session
// stays open beside it: without one, sshd holds small packets back for 40 ms. Returns a
// non-blocking wire.
//
// Any failure is a reason to use the exec session itself; its message, one line, says why (the host
// forbids forwarding, knows no UNIX sockets, does not answer in 3 s, …). FAILURE_CANCELLED is none.
absl::StatusOr<ScopedFd> OpenForward(const SshTarget& target, const SshSockets& sockets,
                                     const v1::Hello& hello, SshProcess& ssh,
                                     const std::atomic<bool>* cancelled);

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_FORWARD_H_
