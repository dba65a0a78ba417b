#include "coordinator/bootstrap/ssh_process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/failure/failure.h"
#include "common/process/spawn.h"
#include "coordinator/bootstrap/child_exit.h"

namespace iris {
namespace {

constexpr absl::Duration kWaitForEnd = absl::Seconds(1);
// ssh has ended; a helper of it may hold the pipe for longer, with nothing to say.
constexpr absl::Duration kWaitForLastWords = absl::Milliseconds(200);

}  // namespace

absl::StatusOr<std::unique_ptr<SshProcess>> SshProcess::Start(const std::vector<std::string>& argv,
                                                              const std::vector<std::string>& env) {
  int ends[2];
  int stderr_ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return MakeFailure(v1::FAILURE_INTERNAL, "no more descriptors for ssh's stdin");
  }
  ScopedFd stdio(ends[0]);
  const ScopedFd their_stdio(ends[1]);
  if (pipe2(stderr_ends, O_CLOEXEC) != 0) {
    return MakeFailure(v1::FAILURE_INTERNAL, "no more descriptors for ssh's stderr");
  }
  ScopedFd stderr_read_end(stderr_ends[0]);
  const ScopedFd their_stderr(stderr_ends[1]);
  fcntl(stdio.get(), F_SETFL, O_NONBLOCK);
  const absl::StatusOr<pid_t> pid =
      Spawn({.argv = argv,
             .env = env,
             .cwd = "",
             .fds = {{0, their_stdio.get()}, {1, their_stdio.get()}, {2, their_stderr.get()}},
             .new_session = true});
  if (!pid.ok()) {
    return MakeFailure(v1::FAILURE_BAD_REQUEST,
                       absl::StrCat("cannot run ", argv[0], ": ", pid.status().message()),
                       absl::StrCat("Install ", argv[0], " on this machine, or correct PATH."));
  }
  return std::unique_ptr<SshProcess>(
      new SshProcess(*pid, std::move(stdio), std::move(stderr_read_end)));
}

SshProcess::SshProcess(pid_t pid, ScopedFd stdio, ScopedFd stderr_read_end)
    : pid_(pid),
      stdio_(std::move(stdio)),
      stderr_(std::make_unique<StderrTail>(std::move(stderr_read_end))) {}

SshProcess::~SshProcess() {
  stdio_.Reset();
  EndChild(pid_, kWaitForEnd);
  for (const std::string& path : remove_at_end_) unlink(path.c_str());
}

absl::Status SshProcess::WhyEnded(SshEnd::Stage stage, std::string noise) {
  SshEnd end = {.stage = stage,
                .exit_code = WaitForChild(pid_, absl::Now() + kWaitForEnd),
                .stderr_text = "",
                .noise = std::move(noise)};
  if (end.exit_code.has_value()) stderr_->AwaitEnd(absl::Now() + kWaitForLastWords);
  end.stderr_text = stderr_->Text();
  return ClassifySshEnd(end);
}

}  // namespace iris
