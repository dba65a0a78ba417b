#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/process/descendants.h"
#include "agent/process/keeper.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"

extern char** environ;

namespace iris {
namespace {

constexpr int kTermGraceMs = 500;
constexpr int kGiveUpMs = 10'000;
// One look goes from process to process, and may miss one that is started meanwhile.
constexpr int kLooksUntilCertain = 2;

int64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

void Report(const std::string& line) {
  // A lost reader (the agent is gone) is no reason to stop: SIGPIPE is ignored.
  (void)!write(kKeeperReportFd, line.data(), line.size());
}

class Keeper {
 public:
  Keeper(pid_t claude, ScopedFd signals) : claude_(claude), signals_(std::move(signals)) {}

  // Returns when claude is gone.
  void WaitForClaude() {
    while (!claude_gone_) {
      if (NextSignal(-1) == SIGTERM) {
        urgent_ = true;
        kill(claude_, SIGKILL);
      }
      Reap();
    }
  }

  // Returns when no descendant is left but daemons of Iris, which stay and get another parent, or
  // some resist even SIGKILL (stuck in the kernel).
  void EndDescendants() {
    const int64_t start = NowMs();
    int looks_without_any = 0;
    while (!Reap() && looks_without_any < kLooksUntilCertain && NowMs() - start < kGiveUpMs) {
      const bool force = urgent_ || NowMs() - start >= kTermGraceMs;
      const std::vector<pid_t> descendants = DescendantsOf(getpid());
      looks_without_any = descendants.empty() ? looks_without_any + 1 : 0;
      for (const pid_t pid : descendants) {
        if (force || !asked_) kill(pid, force ? SIGKILL : SIGTERM);
      }
      asked_ = true;
      if (NextSignal(20) == SIGTERM) urgent_ = true;
    }
  }

 private:
  // The next signal within `timeout_ms`; 0 if none came.
  int NextSignal(int timeout_ms) {
    pollfd waited{.fd = signals_.get(), .events = POLLIN};
    if (poll(&waited, 1, timeout_ms) <= 0) return 0;
    signalfd_siginfo info;
    return read(signals_.get(), &info, sizeof(info)) == sizeof(info)
               ? static_cast<int>(info.ssi_signo)
               : 0;
  }

  // Collects who has ended. True if there is no child any more.
  bool Reap() {
    while (true) {
      int status = 0;
      const pid_t pid = waitpid(-1, &status, WNOHANG);
      if (pid < 0 && errno == EINTR) continue;
      if (pid <= 0) return pid < 0;
      if (pid != claude_) continue;
      claude_gone_ = true;
      Report(WIFSIGNALED(status) ? absl::StrCat("exited signal ", WTERMSIG(status), "\n")
                                 : absl::StrCat("exited code ", WEXITSTATUS(status), "\n"));
    }
  }

  const pid_t claude_;
  const ScopedFd signals_;
  bool claude_gone_ = false;
  bool urgent_ = false;
  bool asked_ = false;  // SIGTERM was sent.
};

// The pipes must end with claude and its tools, not with us.
void LetGoOfStdio() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) {
    if (null < 0 || dup2(null, fd) < 0) close(fd);
  }
  if (null > 2) close(null);
}

}  // namespace

int KeeperMain(int argc, char** argv) {
  if (argc < 4) return 2;
  // Before anything else is opened, which might get its number.
  const bool has_life = fcntl(kKeeperLifeFd, F_SETFD, FD_CLOEXEC) == 0;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGPIPE, SIG_IGN);
  sigset_t watched;
  sigemptyset(&watched);
  for (int number : {SIGCHLD, SIGTERM, SIGHUP, SIGINT}) sigaddset(&watched, number);
  sigprocmask(SIG_BLOCK, &watched, nullptr);
  sigdelset(&watched, SIGHUP);  // Blocked, and of no interest.
  sigdelset(&watched, SIGINT);
  ScopedFd signals(signalfd(-1, &watched, SFD_CLOEXEC));
  const int error = errno;
  fcntl(kKeeperReportFd, F_SETFD, FD_CLOEXEC);
  if (!signals) {
    Report(absl::StrCat("failed ", absl::ErrnoToStatus(error, "signalfd").message(), "\n"));
    return 1;
  }

  SpawnSpec spec{.cwd = argv[3], .fds = {{0, 0}, {1, 1}, {2, 2}}, .new_session = true};
  if (has_life) spec.fds.emplace_back(kKeeperLifeFd, kKeeperLifeFd);
  spec.argv.push_back(argv[2]);
  spec.argv.insert(spec.argv.end(), argv + 4, argv + argc);
  for (char** variable = environ; *variable != nullptr; ++variable) spec.env.push_back(*variable);
  const absl::StatusOr<pid_t> claude = Spawn(spec);
  if (!claude.ok()) {
    Report(absl::StrCat("failed ", claude.status().message(), "\n"));
    return 1;
  }
  Report(absl::StrCat("started ", *claude, "\n"));
  LetGoOfStdio();

  Keeper keeper(*claude, std::move(signals));
  keeper.WaitForClaude();
  keeper.EndDescendants();
  return 0;
}

}  // namespace iris
