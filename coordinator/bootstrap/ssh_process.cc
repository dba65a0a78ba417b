#include "coordinator/bootstrap/ssh_process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/process/spawn.h"
#include "coordinator/bootstrap/child_exit.h"
#include "coordinator/bootstrap/run_program.h"

namespace iris {
namespace {

constexpr absl::Duration kWaitForEnd = absl::Seconds(1);
// ssh has ended; a helper of it may hold the pipe for longer, with nothing to say.
constexpr absl::Duration kWaitForLastWords = absl::Milliseconds(200);

// Its read end. ssh closes every descriptor that it inherits, so a pipe will not do.
absl::StatusOr<ScopedFd> MakeFifo(const std::string& path) {
  ScopedFd fd;
  if (mkfifo(path.c_str(), 0600) == 0)
    fd.Reset(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (fd) return fd;
  const int error = errno;
  unlink(path.c_str());
  const std::string what = absl::StrCat("no pipe for ssh's log at ", path);
  return IsExhausted(error)
             ? Exhausted(error, what)
             : MakeFailure(v1::FAILURE_STORAGE, absl::StrCat(what, ": ", strerror(error)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SshProcess>> SshProcess::Start(const std::vector<std::string>& argv,
                                                              const std::vector<std::string>& env,
                                                              const std::string& log_path) {
  int ends[2];
  int stderr_ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Exhausted(errno, "no socket for ssh's stdin");
  }
  ScopedFd stdio(ends[0]);
  const ScopedFd their_stdio(ends[1]);
  if (pipe2(stderr_ends, O_CLOEXEC) != 0) return Exhausted(errno, "no pipe for ssh's stderr");
  ScopedFd their_stderr(stderr_ends[1]);
  std::vector<ScopedFd> read_ends(2);
  read_ends[kStderr].Reset(stderr_ends[0]);
  absl::StatusOr<ScopedFd> log = MakeFifo(log_path);
  if (!log.ok()) return log.status();
  read_ends[kLog] = *std::move(log);
  fcntl(stdio.get(), F_SETFL, O_NONBLOCK);
  absl::StatusOr<std::unique_ptr<PipeTails>> tails =
      PipeTails::Start(std::move(read_ends), std::string(kLoggedInLine));
  if (!tails.ok()) {
    unlink(log_path.c_str());
    return tails.status();
  }
  const absl::StatusOr<pid_t> pid =
      Spawn({.argv = argv,
             .env = env,
             .cwd = "/",  // As `ssh -G` was asked.
             .fds = {{0, their_stdio.get()}, {1, their_stdio.get()}, {2, their_stderr.get()}},
             .new_session = true});
  if (!pid.ok()) {
    unlink(log_path.c_str());
    return CannotRun(argv[0], pid.status());
  }
  std::unique_ptr<SshProcess> ssh(new SshProcess(*pid, std::move(stdio), *std::move(tails)));
  ssh->RemoveAtEnd(log_path);
  return ssh;
}

SshProcess::SshProcess(pid_t pid, ScopedFd stdio, std::unique_ptr<PipeTails> tails)
    : pid_(pid), stdio_(std::move(stdio)), tails_(std::move(tails)) {}

SshProcess::~SshProcess() {
  stdio_.Reset();
  EndChild(pid_, kWaitForEnd);
  for (const std::string& path : remove_at_end_) unlink(path.c_str());
}

absl::Status SshProcess::WhyEnded(SshEnd::Stage stage, std::string noise) {
  return ClassifySshEnd(End(stage, std::move(noise)));
}

SshEnd SshProcess::End(SshEnd::Stage stage, std::string noise) {
  SshEnd end = {.stage = stage,
                .exit_code = WaitForChild(pid_, absl::Now() + kWaitForEnd),
                .logged_in = false,
                .log = "",
                .stderr_text = "",
                .noise = std::move(noise)};
  if (end.exit_code.has_value()) tails_->AwaitEnd(absl::Now() + kWaitForLastWords);
  end.logged_in = logged_in();
  end.log = tails_->Text(kLog);
  end.stderr_text = tails_->Text(kStderr);
  return end;
}

}  // namespace iris
