#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "agent/process/bare_linux.h"
#include "agent/process/keeper.h"
#include "agent/process/process_tree.h"

namespace iris {
namespace {

using bare::Bit;
using bare::Call;
using bare::Text;

constexpr int kTermGraceMs = 500;
constexpr int kGiveUpMs = 10'000;
// One look goes from process to process, and may miss one that is started meanwhile.
constexpr int kLooksUntilCertain = 2;
// Those that are beyond it come in the next look.
constexpr size_t kEndedAtOnceMax = 1024;

constexpr bare::Signals kHeard = Bit(SIGCHLD) | Bit(SIGTERM);
// None of these ends it; a lost reader (the agent is gone) is no reason to stop either.
constexpr bare::Signals kHeld = kHeard | Bit(SIGHUP) | Bit(SIGINT) | Bit(SIGPIPE);

void Report(const Text& line) { bare::Write(kKeeperReportFd, line.c_str(), line.size()); }

// `error`: as a call returns it.
void ReportFailed(const char* step, long error) {
  Report(Text().Add("failed ").Add(step).Add(" ").Add(-error).Add("\n"));
}

// In the child. `argv` is the keeper's; `failed` is open as long as this has not become claude.
[[noreturn]] void BecomeClaude(char** argv, char** envp, bool has_life, int failed) {
  const auto fail = [failed](const char* step, long error) {
    ReportFailed(step, error);
    bare::Write(failed, "", 1);
    bare::Exit(127);
  };
  if (const long done = Call(SYS_setsid); done < 0) fail("setsid", done);
  if (has_life) Call(SYS_fcntl, kKeeperLifeFd, F_SETFD, 0);
  if (const long done = Call(SYS_chdir, bare::Address(argv[3])); done < 0) fail("chdir", done);
  bare::Hold(0);
  argv[3] = argv[2];  // In front of its arguments.
  fail("exec",
       Call(SYS_execve, bare::Address(argv[2]), bare::Address(argv + 3), bare::Address(envp)));
  __builtin_unreachable();
}

// Its pid; 0: it could not be started, and the agent knows why.
pid_t StartClaude(char** argv, char** envp, bool has_life) {
  int ends[2];
  if (const long made = Call(SYS_pipe2, bare::Address(ends), O_CLOEXEC); made < 0) {
    ReportFailed("pipe", made);
    return 0;
  }
  const long pid = Call(SYS_clone, SIGCHLD);
  if (pid == 0) BecomeClaude(argv, envp, has_life, ends[1]);
  bare::Close(ends[1]);
  if (pid < 0) {
    ReportFailed("fork", pid);
    return 0;
  }
  char failed;
  long bytes;
  do {
    bytes = bare::Read(ends[0], &failed, 1);
  } while (bytes == -EINTR);
  bare::Close(ends[0]);
  if (bytes == 0) return static_cast<pid_t>(pid);
  Call(SYS_wait4, pid);
  return 0;
}

// The pipes must end with claude and its tools, not with us.
void LetGoOfStdio() {
  const long null = bare::Open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) {
    if (null < 0 || Call(SYS_dup3, null, fd, O_CLOEXEC) < 0) bare::Close(fd);
  }
  if (null > 2) bare::Close(static_cast<int>(null));
}

class Keeper {
 public:
  explicit Keeper(pid_t claude) : claude_(claude) {}

  // Returns when claude is gone.
  void WaitForClaude() {
    while (!claude_gone_) {
      if (bare::NextSignal(kHeard, -1) == SIGTERM) {
        urgent_ = true;
        bare::Kill(claude_, SIGKILL);
      }
      Reap();
    }
  }

  // Returns when no descendant is left (true) but daemons of Iris, which stay and get another
  // parent, or some resist even SIGKILL (stuck in the kernel).
  bool EndDescendants() {
    const int64_t start = bare::NowMs();
    int looks_without_any = 0;
    while (!Reap()) {
      const int64_t passed = bare::NowMs() - start;
      if (looks_without_any == kLooksUntilCertain || passed >= kGiveUpMs) return false;
      pid_t descendants[kEndedAtOnceMax];
      const size_t count = FindDescendants(bare::OwnPid(), descendants, kEndedAtOnceMax);
      looks_without_any = count == 0 ? looks_without_any + 1 : 0;
      const bool force = urgent_ || passed >= kTermGraceMs;
      for (size_t i = 0; i < count && (force || !asked_); ++i) {
        bare::Kill(descendants[i], force ? SIGKILL : SIGTERM);
      }
      asked_ = true;
      if (bare::NextSignal(kHeard, 20) == SIGTERM) urgent_ = true;
    }
    return true;
  }

 private:
  // Collects who has ended. True if there is no child any more.
  bool Reap() {
    while (true) {
      int status = 0;
      const long pid = Call(SYS_wait4, -1, bare::Address(&status), WNOHANG);
      if (pid == -EINTR) continue;
      if (pid <= 0) return pid < 0;
      if (pid != claude_) continue;
      claude_gone_ = true;
      const bool by_signal = WIFSIGNALED(status);
      Report(Text()
                 .Add(by_signal ? "exited signal " : "exited code ")
                 .Add(by_signal ? WTERMSIG(status) : WEXITSTATUS(status))
                 .Add("\n"));
    }
  }

  const pid_t claude_;
  bool claude_gone_ = false;
  bool urgent_ = false;
  bool asked_ = false;  // SIGTERM was sent.
};

}  // namespace

int KeeperMain(int argc, char** argv, char** envp) {
  if (argc < 4) return 2;
  // Before anything else is opened, which might get its number.
  const bool has_life = Call(SYS_fcntl, kKeeperLifeFd, F_SETFD, FD_CLOEXEC) == 0;
  Call(SYS_fcntl, kKeeperReportFd, F_SETFD, FD_CLOEXEC);
  Call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
  bare::Hold(kHeld);
  const pid_t claude = StartClaude(argv, envp, has_life);
  if (claude == 0) return 1;
  Report(Text().Add("started ").Add(claude).Add("\n"));
  LetGoOfStdio();

  Keeper keeper(claude);
  keeper.WaitForClaude();
  if (keeper.EndDescendants()) Report(Text().Add("gone\n"));
  return 0;
}

}  // namespace iris
