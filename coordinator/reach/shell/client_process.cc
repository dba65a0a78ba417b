#include "coordinator/reach/shell/client_process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/failure/exhausted.h"
#include "common/process/child_exit.h"
#include "common/process/run_program.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

constexpr absl::Duration kWaitForEnd = absl::Seconds(1);
// It has ended; a helper of it may hold the pipe for longer, with nothing to say.
constexpr absl::Duration kWaitForLastWords = absl::Milliseconds(200);

}  // namespace

absl::StatusOr<std::unique_ptr<ClientProcess>> ClientProcess::Start(Options options) {
  int ends[2];
  int stderr_ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Exhausted(errno, absl::StrCat("no socket for ", options.name, "'s stdin"));
  }
  ScopedFd stdio(ends[0]);
  const ScopedFd their_stdio(ends[1]);
  if (pipe2(stderr_ends, O_CLOEXEC) != 0) {
    return Exhausted(errno, absl::StrCat("no pipe for ", options.name, "'s stderr"));
  }
  const ScopedFd their_stderr(stderr_ends[1]);
  std::vector<ScopedFd> read_ends;
  read_ends.emplace_back(stderr_ends[0]);
  std::move(options.further.begin(), options.further.end(), std::back_inserter(read_ends));
  fcntl(stdio.get(), F_SETFL, O_NONBLOCK);
  absl::StatusOr<std::unique_ptr<PipeTails>> tails =
      PipeTails::Start(std::move(read_ends), options.noted, options.name);
  if (!tails.ok()) return tails.status();
  const absl::StatusOr<pid_t> pid =
      Spawn({.argv = options.argv,
             .env = options.env,
             .cwd = "/",  // As `ssh -G` is asked.
             .fds = {{0, their_stdio.get()}, {1, their_stdio.get()}, {2, their_stderr.get()}},
             .new_session = true});
  if (!pid.ok()) return CannotRun(options.argv[0], pid.status());
  return std::unique_ptr<ClientProcess>(
      new ClientProcess(*pid, std::move(stdio), *std::move(tails)));
}

ClientProcess::ClientProcess(pid_t pid, ScopedFd stdio, std::unique_ptr<PipeTails> tails)
    : pid_(pid), stdio_(std::move(stdio)), tails_(std::move(tails)) {}

ClientProcess::~ClientProcess() {
  stdio_.Reset();
  EndChild(pid_, kWaitForEnd);
}

absl::optional<int> ClientProcess::AwaitEnd() const {
  const absl::optional<int> exit_code = WaitForChild(pid_, absl::Now() + kWaitForEnd);
  if (exit_code.has_value()) tails_->AwaitEnd(absl::Now() + kWaitForLastWords);
  return exit_code;
}

}  // namespace iris
