#include "common/process/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/scoped_fd.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"
#include "common/process/child_exit.h"
#include "common/process/poll_until.h"
#include "common/process/spawn.h"

namespace iris {
namespace {

struct Pipe {
  ScopedFd read_end;
  ScopedFd write_end;

  bool Open() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return false;
    read_end.Reset(fds[0]);
    write_end.Reset(fds[1]);
    return true;
  }
};

// Closes `fd` at its end.
void ReadSome(ScopedFd& fd, std::string& into) {
  char buffer[4096];
  const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n <= 0) return fd.Reset();
  into.append(buffer, std::min<size_t>(n, kProgramOutputBytesMax - into.size()));
}

absl::Status TooLong() { return MakeFailure(v1::FAILURE_TIMEOUT, "did not end in time"); }

absl::Status ReadToEnd(ScopedFd& out_fd, ScopedFd& err_fd, absl::Time deadline,
                       const std::atomic<bool>* cancelled, ProgramOutput& output) {
  while (out_fd || err_fd) {
    // poll() passes over a negative descriptor.
    struct pollfd fds[2] = {{.fd = out_fd.get(), .events = POLLIN, .revents = 0},
                            {.fd = err_fd.get(), .events = POLLIN, .revents = 0}};
    const absl::StatusOr<bool> ready = PollUntil(absl::MakeSpan(fds), deadline, cancelled);
    if (!ready.ok()) return ready.status();
    if (!*ready) return TooLong();
    if (fds[0].revents != 0) ReadSome(out_fd, output.out);
    if (fds[1].revents != 0) ReadSome(err_fd, output.err);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CannotRun(const std::string& program, const absl::Status& why) {
  if (IsExhausted(why)) return Exhausted(why, absl::StrCat("cannot run ", program));
  return MakeFailure(v1::FAILURE_BAD_REQUEST,
                     absl::StrCat("cannot run ", program, ": ", why.message()),
                     absl::StrCat("Install ", program, " on this machine, or correct PATH."));
}

absl::StatusOr<ProgramOutput> RunProgram(const std::vector<std::string>& argv,
                                         const std::vector<std::string>& env, absl::Time deadline,
                                         const std::atomic<bool>* cancelled) {
  Pipe out;
  Pipe err;
  if (!out.Open() || !err.Open()) return Exhausted(errno, absl::StrCat("no pipe for ", argv[0]));
  const absl::StatusOr<pid_t> pid =
      Spawn({.argv = argv,
             .env = env,
             .cwd = "/",
             .fds = {{1, out.write_end.get()}, {2, err.write_end.get()}},
             .new_session = true});
  if (!pid.ok()) return CannotRun(argv[0], pid.status());
  out.write_end.Reset();
  err.write_end.Reset();
  ProgramOutput output;
  absl::Status ran = ReadToEnd(out.read_end, err.read_end, deadline, cancelled, output);
  // It may have closed its outputs and gone on.
  if (ran.ok() && !WaitForChild(*pid, deadline).has_value()) ran = TooLong();
  output.exit_code = EndChild(*pid, absl::Milliseconds(200));
  if (!ran.ok()) return Annotate(ran, argv[0]);
  return output;
}

}  // namespace iris
