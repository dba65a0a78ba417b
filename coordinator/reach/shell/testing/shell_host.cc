#include "coordinator/reach/shell/testing/shell_host.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/process/child_exit.h"
#include "common/process/spawn.h"

namespace iris {

std::vector<LoginShell> LoginShellsHere() {
  std::vector<LoginShell> here;
  for (const char* name : {"bash", "dash", "zsh", "fish", "tcsh", "csh", "busybox"}) {
    for (const char* dir : {"/bin/", "/usr/bin/"}) {
      const std::string path = absl::StrCat(dir, name);
      if (access(path.c_str(), X_OK) != 0) continue;
      here.push_back(std::string(name) == "busybox" ? LoginShell{path, "ash", "-c"}
                                                    : LoginShell{path, "-c"});
      break;
    }
  }
  return here;
}

ShellHost::ShellHost(const LoginShell& shell, const std::string& command_line,
                     const std::string& home, const std::vector<std::string>& env) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  fd_.Reset(ends[0]);
  const ScopedFd theirs(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  SpawnSpec spec = {.argv = shell,
                    .env = env,
                    .cwd = "/",
                    .fds = {{0, ends[1]}, {1, ends[1]}, {2, 2}},
                    .new_session = true};
  spec.argv.push_back(command_line);
  const bool own_path = std::any_of(env.begin(), env.end(), [](const std::string& entry) {
    return absl::StartsWith(entry, "PATH=");
  });
  if (!own_path) spec.env.push_back("PATH=/usr/local/bin:/usr/bin:/bin");
  spec.env.push_back("USER=test");
  spec.env.push_back(absl::StrCat("HOME=", home));
  const absl::StatusOr<pid_t> pid = Spawn(spec);
  if (!pid.ok()) {
    fprintf(stderr, "%s\n", pid.status().ToString().c_str());
    std::abort();
  }
  pid_ = *pid;
}

ShellHost::~ShellHost() {
  HangUp();
  EndChild(pid_, absl::ZeroDuration());
}

int ShellHost::ExitCode() {
  return WaitForChild(pid_, absl::Now() + absl::Minutes(1)).value_or(-1);
}

}  // namespace iris
