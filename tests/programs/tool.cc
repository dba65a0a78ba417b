#include "tests/programs/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace iris::stub {
namespace {

void PointStandardStreamsAt(int output) {
  const int null = open("/dev/null", O_RDWR);
  dup2(null, STDIN_FILENO);
  dup2(output < 0 ? null : output, STDOUT_FILENO);
  dup2(output < 0 ? null : output, STDERR_FILENO);
  if (null > STDERR_FILENO) close(null);
}

void RestoreSignals() {
  for (const int number : {SIGPIPE, SIGTERM, SIGHUP, SIGINT}) signal(number, SIG_DFL);
}

}  // namespace

Tool::Tool(const std::string& command) {
  output_ = memfd_create("tool", MFD_CLOEXEC);
  // Not the shell's last command: so it stays the shell's child instead of replacing it.
  const std::string script = command + "\nexit $?";
  int runs[2];
  if (pipe2(runs, O_CLOEXEC) < 0) abort();
  pid_ = fork();
  if (pid_ == 0) {
    setsid();
    RestoreSignals();
    PointStandardStreamsAt(output_);
    execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
    _exit(127);
  }
  // Ends when the shell has started: before that Kill() would find no group.
  close(runs[1]);
  char nothing;
  if (read(runs[0], &nothing, 1) < 0) abort();
  close(runs[0]);
  // Called by number: glibc 2.36 declares pidfd_open() without C linkage.
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
}

Tool::~Tool() {
  close(pidfd_);
  close(output_);
}

bool Tool::ended() const {
  pollfd readable = {.fd = pidfd_, .events = POLLIN, .revents = 0};
  return poll(&readable, 1, 0) == 1;
}

std::string Tool::Collect() {
  waitpid(pid_, nullptr, 0);
  const off_t size = lseek(output_, 0, SEEK_END);
  std::string text(size > 0 ? size : 0, '\0');
  if (pread(output_, text.data(), text.size(), 0) < 0) text.clear();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void Tool::Kill() {
  kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

pid_t StartDaemon() {
  int told[2];
  if (pipe2(told, O_CLOEXEC) < 0) return -1;
  const pid_t middle = fork();
  if (middle == 0) {
    setsid();
    const pid_t daemon = fork();
    if (daemon > 0) {
      if (write(told[1], &daemon, sizeof daemon) < 0) _exit(1);
      _exit(0);
    }
    RestoreSignals();
    PointStandardStreamsAt(-1);
    char* const nothing[] = {nullptr};
    execle("/bin/sleep", "sleep", "600", nullptr, nothing);
    _exit(127);
  }
  close(told[1]);
  pid_t daemon = -1;
  if (read(told[0], &daemon, sizeof daemon) != sizeof daemon) daemon = -1;
  // Ends when the daemon has become `sleep`.
  char nothing;
  if (read(told[0], &nothing, 1) > 0) abort();
  close(told[0]);
  waitpid(middle, nullptr, 0);
  return daemon;
}

}  // namespace iris::stub
