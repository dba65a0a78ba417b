#ifndef IRIS_COORDINATOR_REACH_SHELL_CLIENT_PROCESS_H_
#define IRIS_COORDINATOR_REACH_SHELL_CLIENT_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/base/scoped_fd.h"
#include "coordinator/reach/shell/pipe_tails.h"

namespace iris {

// A program before a shell on a host, as a process: leader of a session of its own, so that it can
// neither ask on a terminal nor be hit by its Ctrl-C, with stdin and stdout on one socket, and its
// stderr read all the time. Ends with the object: SIGTERM, after at most 1 s SIGKILL, reaped with
// its helpers. Not thread-safe; pid() is.
class ClientProcess {
 public:
  struct Options {
    std::string name;  // For people.
    std::vector<std::string> argv;
    std::vector<std::string> env;
    // The read ends of what else it writes to, a FIFO for example: tails() numbers them from 1.
    std::vector<ScopedFd> further = {};
    // As PipeTails has it.
    std::string noted = "\n";
  };
  static constexpr size_t kStderr = 0;  // Of tails().

  // FAILURE_BAD_REQUEST: there is no such program. FAILURE_BUSY_LIMIT: no more processes, threads
  // or descriptors.
  static absl::StatusOr<std::unique_ptr<ClientProcess>> Start(Options options);
  ~ClientProcess();
  ClientProcess(const ClientProcess&) = delete;
  ClientProcess& operator=(const ClientProcess&) = delete;

  pid_t pid() const { return pid_; }
  // Our end of its stdin and stdout, non-blocking. Stays here unless released: it is what keeps the
  // command on the host alive.
  ScopedFd& stdio() { return stdio_; }
  const PipeTails& tails() const { return *tails_; }
  // Waits up to 1 s for it to end, and then a moment for its last words. Its exit code, or 128 +
  // the signal that ended it; nothing: it still runs.
  absl::optional<int> AwaitEnd() const;

 private:
  ClientProcess(pid_t pid, ScopedFd stdio, std::unique_ptr<PipeTails> tails);

  const pid_t pid_;
  ScopedFd stdio_;
  const std::unique_ptr<PipeTails> tails_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_CLIENT_PROCESS_H_
