#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "common/base/scoped_fd.h"
#include "common/process/spawn.h"
#include "nlohmann/json.hpp"
#include "tests/bench/lane.h"

namespace iris::bench {
namespace {

using nlohmann::json;

constexpr absl::Duration kAnswer = absl::Seconds(30);

struct Pipe {
  ScopedFd out, in;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe2");
  return Pipe{ScopedFd(fds[0]), ScopedFd(fds[1])};
}

class ClaudeLane final : public Lane {
 public:
  ClaudeLane(pid_t pid, ScopedFd to, ScopedFd from)
      : pid_(pid), to_(std::move(to)), from_(std::move(from)) {}

  ~ClaudeLane() override {
    to_.Reset();
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  absl::Status Initialize() {
    const json line = {{"type", "control_request"},
                       {"request_id", "bench"},
                       {"request", {{"subtype", "initialize"}}}};
    return WriteAndAwait(line, "control_response").status();
  }

  absl::Status RoundTrip(const std::string& text) override {
    const json line = {
        {"type", "user"}, {"message", {{"role", "user"}, {"content", text}}}, {"uuid", NewUuid()}};
    const absl::StatusOr<json> result = WriteAndAwait(line, "result");
    if (!result.ok()) return result.status();
    if (result->value("result", "") != absl::StrCat("ECHO: ", text)) {
      return absl::InternalError(result->dump());
    }
    return absl::OkStatus();
  }

 private:
  // The first line of `type` from now on.
  absl::StatusOr<json> WriteAndAwait(const json& request, const std::string& type) {
    const std::string line = request.dump() + "\n";
    if (write(to_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      return absl::ErrnoToStatus(errno, "write");
    }
    const absl::Time deadline = absl::Now() + kAnswer;
    while (true) {
      absl::StatusOr<std::string> text = ReadLine(deadline);
      if (!text.ok()) return text.status();
      json read = json::parse(*text, nullptr, false);
      if (read.is_object() && read.value("type", "") == type) return read;
    }
  }

  absl::StatusOr<std::string> ReadLine(absl::Time deadline) {
    size_t searched = 0;
    size_t end;
    while ((end = unread_.find('\n', searched)) == std::string::npos) {
      searched = unread_.size();
      pollfd wait = {.fd = from_.get(), .events = POLLIN, .revents = 0};
      if (poll(&wait, 1, static_cast<int>((deadline - absl::Now()) / absl::Milliseconds(1))) == 0) {
        return absl::DeadlineExceededError("no answer");
      }
      char bytes[64 << 10];
      const ssize_t n = read(from_.get(), bytes, sizeof(bytes));
      if (n <= 0) return absl::InternalError("it ended");
      unread_.append(bytes, n);
    }
    std::string line = unread_.substr(0, end);
    unread_.erase(0, end + 1);
    return line;
  }

  const pid_t pid_;
  ScopedFd to_;
  ScopedFd from_;
  std::string unread_;
};

std::vector<std::string> OwnEnv() {
  std::vector<std::string> env;
  for (char** entry = environ; *entry != nullptr; ++entry) env.push_back(*entry);
  return env;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Lane>> OpenClaudeLane(const std::vector<std::string>& command) {
  absl::StatusOr<Pipe> to = MakePipe();
  if (!to.ok()) return to.status();
  absl::StatusOr<Pipe> from = MakePipe();
  if (!from.ok()) return from.status();
  const absl::StatusOr<pid_t> pid =
      Spawn({.argv = command,
             .env = OwnEnv(),
             .fds = {{0, to->out.get()}, {1, from->in.get()}, {2, STDERR_FILENO}}});
  if (!pid.ok()) return pid.status();
  auto lane = std::make_unique<ClaudeLane>(*pid, std::move(to->in), std::move(from->out));
  const absl::Status ready = lane->Initialize();
  if (!ready.ok()) return ready;
  return lane;
}

}  // namespace iris::bench
