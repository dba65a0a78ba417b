#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

// What the child reports through the pipe when a step before exec, or exec, fails.
struct Trouble {
  int error;
  char step[12];
};

// Only async-signal-safe calls from here to exec: the parent has other threads.
struct ChildPlan {
  const char* const* paths;  // Candidates for exec, null-terminated.
  char* const* argv;
  char* const* env;
  const char* cwd;  // Null = stay.
  const std::pair<int, int>* fds;
  size_t fd_count;
  bool new_session;
  bool detached;
  int report_fd;
};

[[noreturn]] void Fail(int report_fd, const char* step) {
  Trouble trouble{.error = errno, .step = {}};
  strncpy(trouble.step, step, sizeof(trouble.step) - 1);
  (void)!write(report_fd, &trouble, sizeof(trouble));
  _exit(127);
}

void CloseFrom(int first, int keep) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, keep - 1, 0) == 0 &&
      syscall(SYS_close_range, keep + 1, ~0U, 0) == 0) {
    return;
  }
#endif
  const long limit = std::min<long>(sysconf(_SC_OPEN_MAX), 65'536);
  for (int fd = first; fd < limit; ++fd) {
    if (fd != keep) close(fd);
  }
}

// Moves every source above all targets first, so that no dup2 overwrites a source still needed.
void ArrangeFds(const ChildPlan& plan, int* report_fd) {
  int highest = 2;
  for (size_t i = 0; i < plan.fd_count; ++i) highest = std::max(highest, plan.fds[i].first);
  int moved[16];
  for (size_t i = 0; i < plan.fd_count; ++i) {
    moved[i] = fcntl(plan.fds[i].second, F_DUPFD_CLOEXEC, highest + 1);
    if (moved[i] < 0) Fail(*report_fd, "dup");
  }
  const int report = fcntl(*report_fd, F_DUPFD_CLOEXEC, highest + 1);
  if (report < 0) Fail(*report_fd, "dup");
  *report_fd = report;
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  bool standard[3] = {};
  for (size_t i = 0; i < plan.fd_count; ++i) {
    if (dup2(moved[i], plan.fds[i].first) < 0) Fail(report, "dup");
    if (plan.fds[i].first < 3) standard[plan.fds[i].first] = true;
  }
  for (int fd = 0; fd < 3; ++fd) {
    if (standard[fd]) continue;
    if (null < 0) {
      close(fd);  // No /dev (a bare chroot): closed is the best that there is.
    } else {
      dup2(null, fd);
    }
  }
  // Between the highest wanted one and the report, and after it, nothing stays.
  for (int fd = 3; fd <= highest; ++fd) {
    bool wanted = false;
    for (size_t i = 0; i < plan.fd_count; ++i) wanted = wanted || plan.fds[i].first == fd;
    if (!wanted) close(fd);
  }
  CloseFrom(highest + 1, report);
}

[[noreturn]] void RunChild(ChildPlan plan) {
  if ((plan.new_session || plan.detached) && setsid() < 0) Fail(plan.report_fd, "setsid");
  if (plan.detached) {
    const pid_t second = fork();
    if (second < 0) Fail(plan.report_fd, "fork");
    if (second > 0) _exit(0);
  }
  ArrangeFds(plan, &plan.report_fd);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (plan.cwd != nullptr && chdir(plan.cwd) != 0) Fail(plan.report_fd, "chdir");
  int error = ENOENT;
  for (const char* const* path = plan.paths; *path != nullptr; ++path) {
    execve(*path, plan.argv, plan.env);
    if (errno != ENOENT && errno != ENOTDIR) error = errno;  // EACCES says more than ENOENT.
  }
  errno = error;
  Fail(plan.report_fd, "exec");
}

// Of the child, else ours.
absl::string_view SearchPath(const std::vector<std::string>& env) {
  for (absl::string_view entry : env) {
    if (absl::ConsumePrefix(&entry, "PATH=") && !entry.empty()) return entry;
  }
  const char* const own = getenv("PATH");
  return own != nullptr ? own : "/usr/bin:/bin";
}

// What a relative directory leads to is another place for whoever set it.
std::vector<std::string> ExecCandidates(const std::string& program,
                                        const std::vector<std::string>& env) {
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> candidates;
  for (absl::string_view dir : absl::StrSplit(SearchPath(env), ':')) {
    if (absl::StartsWith(dir, "/")) candidates.push_back(absl::StrCat(dir, "/", program));
  }
  return candidates;
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

absl::StatusOr<pid_t> Spawn(const SpawnSpec& spec) {
  if (spec.argv.empty() || spec.fds.size() > 16) {
    return absl::InvalidArgumentError("spawn: no program, or more than 16 descriptors");
  }
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "spawn: pipe");
  const ScopedFd report_reader(report[0]);
  ScopedFd report_writer(report[1]);

  const std::vector<std::string> candidates = ExecCandidates(spec.argv[0], spec.env);
  const std::vector<char*> paths = Pointers(candidates);
  const std::vector<char*> argv = Pointers(spec.argv);
  const std::vector<char*> env = Pointers(spec.env);
  const ChildPlan plan{.paths = paths.data(),
                       .argv = argv.data(),
                       .env = env.data(),
                       .cwd = spec.cwd.empty() ? nullptr : spec.cwd.c_str(),
                       .fds = spec.fds.data(),
                       .fd_count = spec.fds.size(),
                       .new_session = spec.new_session,
                       .detached = spec.detached,
                       .report_fd = report_writer.get()};
  // No handler of ours may run in the child between fork and exec.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  const int fork_error = errno;
  if (pid == 0) RunChild(plan);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return absl::ErrnoToStatus(fork_error, "spawn: fork");

  report_writer.Reset();
  Trouble trouble;
  ssize_t n;
  do {
    n = read(report_reader.get(), &trouble, sizeof(trouble));
  } while (n < 0 && errno == EINTR);
  if (n == 0 && !spec.detached) return pid;  // The pipe closed on exec.
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (n == 0) return 0;  // Detached; what we reaped stood between.
  if (n != sizeof(trouble)) return absl::InternalError("spawn: the child died before exec");
  trouble.step[sizeof(trouble.step) - 1] = '\0';
  return absl::ErrnoToStatus(trouble.error, absl::StrCat(trouble.step, " ", spec.argv[0]));
}

std::string ExecutableOf(const std::string& program, const std::vector<std::string>& env) {
  if (program.find('/') != std::string::npos) return program;
  for (const std::string& candidate : ExecCandidates(program, env)) {
    struct stat file;
    const bool runs = stat(candidate.c_str(), &file) == 0 && S_ISREG(file.st_mode) &&
                      access(candidate.c_str(), X_OK) == 0;
    if (!runs) continue;
    char* const real = realpath(candidate.c_str(), nullptr);
    const std::string path = real != nullptr ? real : candidate;
    free(real);
    return path;
  }
  return program;
}

namespace {

// The fields of /proc/PID/stat after the command's name, which may hold anything; empty: no such
// process.
std::string StatFields(pid_t pid) {
  const ScopedFd stat(open(absl::StrCat("/proc/", pid, "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!stat) return "";
  char text[1024];
  const ssize_t n = read(stat.get(), text, sizeof(text) - 1);
  if (n <= 0) return "";
  text[n] = '\0';
  const char* rest = strrchr(text, ')');
  return rest == nullptr ? "" : rest + 1;
}

}  // namespace

uint64_t ProcessStartTime(pid_t pid) {
  unsigned long long start_time = 0;
  // Field 22; the text begins with field 3.
  const int read =
      sscanf(StatFields(pid).c_str(),
             " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
             &start_time);
  return read == 1 ? start_time : 0;
}

absl::Duration ProcessCpuTime(pid_t pid) {
  unsigned long long user = 0, system = 0;
  const int read = sscanf(StatFields(pid).c_str(),
                          " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system);
  if (read != 2) return absl::ZeroDuration();
  return absl::Seconds(static_cast<double>(user + system) /
                       static_cast<double>(sysconf(_SC_CLK_TCK)));
}

}  // namespace iris
