#ifndef IRIS_COORDINATOR_REACH_SHELL_TESTING_SHELL_HOST_H_
#define IRIS_COORDINATOR_REACH_SHELL_TESTING_SHELL_HOST_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/scoped_fd.h"

namespace iris {

// Words that run a command line the way that a login shell does: {"bash", "-c"}, {"busybox", "ash",
// "-c"}.
using LoginShell = std::vector<std::string>;

// Every login shell of those that we know to be in use which this machine has.
std::vector<LoginShell> LoginShellsHere();

// A host without ssh: a login shell that runs one command line, with its stdin and stdout on a
// socket as sshd would have them. Killed with its children at the end.
class ShellHost {
 public:
  // The environment is `env` with USER, HOME=`home` and, unless named, PATH. Aborts when it cannot
  // start.
  ShellHost(const LoginShell& shell, const std::string& command_line, const std::string& home,
            const std::vector<std::string>& env = {});
  ~ShellHost();
  ShellHost(const ShellHost&) = delete;
  ShellHost& operator=(const ShellHost&) = delete;

  int fd() const { return fd_.get(); }  // Our end: non-blocking.
  void HangUp() { fd_.Reset(); }
  // Waits up to a minute for it to end; its exit code, or -1.
  int ExitCode();

 private:
  ScopedFd fd_;
  pid_t pid_ = -1;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_TESTING_SHELL_HOST_H_
