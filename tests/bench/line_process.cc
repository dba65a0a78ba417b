#include "tests/bench/line_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/process/spawn.h"
#include "tests/bench/json_member.h"

namespace iris::bench {
namespace {

constexpr absl::Duration kReady = absl::Seconds(60);
constexpr size_t kPieceBytes = 64 << 10;  // What a pipe holds.

struct Pipe {
  ScopedFd out, in;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe2");
  return Pipe{ScopedFd(fds[0]), ScopedFd(fds[1])};
}

}  // namespace

std::vector<std::string> OwnEnvironment() {
  std::vector<std::string> env;
  for (char** entry = environ; *entry != nullptr; ++entry) env.emplace_back(*entry);
  return env;
}

absl::StatusOr<std::unique_ptr<LineProcess>> LineProcess::Start(
    const std::vector<std::string>& command) {
  absl::StatusOr<Pipe> to = MakePipe();
  if (!to.ok()) return to.status();
  absl::StatusOr<Pipe> from = MakePipe();
  if (!from.ok()) return from.status();
  const absl::StatusOr<pid_t> pid =
      Spawn({.argv = command,
             .env = OwnEnvironment(),
             .fds = {{0, to->out.get()}, {1, from->in.get()}, {2, STDERR_FILENO}}});
  if (!pid.ok()) return pid.status();
  return std::unique_ptr<LineProcess>(
      new LineProcess(*pid, std::move(to->in), std::move(from->out)));
}

LineProcess::LineProcess(pid_t pid, ScopedFd to, ScopedFd from)
    : pid_(pid), to_(std::move(to)), from_(std::move(from)) {}

LineProcess::~LineProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

int LineProcess::Finish() {
  to_.Reset();
  int status = 0;
  waitpid(std::exchange(pid_, 0), &status, 0);
  return status;
}

absl::Status LineProcess::Write(std::string line) {
  line += '\n';
  for (size_t written = 0; written < line.size();) {
    const ssize_t n = write(to_.get(), line.data() + written, line.size() - written);
    if (n < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "write");
    if (n > 0) written += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> LineProcess::Read(absl::Time deadline) {
  std::string_view line;
  while (!TakeLine(line)) {
    pollfd readable = {.fd = from_.get(), .events = POLLIN, .revents = 0};
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now()) + 1;
    if (left <= 0 || poll(&readable, 1, static_cast<int>(left)) == 0) {
      return absl::DeadlineExceededError("it says nothing");
    }
    if (absl::Status filled = Fill(); !filled.ok()) return filled;
  }
  return line;
}

absl::Status LineProcess::Fill() {
  unread_.erase(0, taken_);
  searched_ -= std::exchange(taken_, 0);
  char bytes[kPieceBytes];
  ssize_t n;
  do {
    n = read(from_.get(), bytes, sizeof bytes);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return absl::InternalError("it has ended");
  unread_.append(bytes, static_cast<size_t>(n));
  return absl::OkStatus();
}

bool LineProcess::TakeLine(std::string_view& line) {
  const size_t end = unread_.find('\n', searched_);
  searched_ = unread_.size();
  if (end == std::string::npos) return false;
  line = std::string_view(unread_).substr(taken_, end - taken_);
  taken_ = searched_ = end + 1;
  return true;
}

absl::StatusOr<std::unique_ptr<LineProcess>> StartClaude(const std::vector<std::string>& command) {
  absl::StatusOr<std::unique_ptr<LineProcess>> claude = LineProcess::Start(command);
  if (!claude.ok()) return claude;
  const absl::Status written = (*claude)->Write(
      R"({"type":"control_request","request_id":"bench","request":{"subtype":"initialize"}})");
  if (!written.ok()) return written;
  const absl::Time deadline = absl::Now() + kReady;
  while (true) {
    const absl::StatusOr<std::string_view> line = (*claude)->Read(deadline);
    if (!line.ok()) return line.status();
    if (JsonText(*line, "type") == "control_response") return claude;
  }
}

std::string MessageFor(absl::string_view text) {
  return absl::StrCat(R"({"type":"user","message":{"role":"user","content":")", text,
                      R"("},"uuid":")", NewUuid(), "\"}");
}

bool IsResult(std::string_view line) { return JsonText(line, "type") == "result"; }

}  // namespace iris::bench
