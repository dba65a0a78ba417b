#include "coordinator/bootstrap/stderr_tail.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"

namespace iris {

StderrTail::StderrTail(ScopedFd read_end) : read_end_(std::move(read_end)) {
  int stop[2];
  if (pipe2(stop, O_CLOEXEC) != 0) std::abort();  // Its twin was made just before.
  stop_read_.Reset(stop[0]);
  stop_write_.Reset(stop[1]);
  thread_ = std::thread([this] { Read(); });
}

StderrTail::~StderrTail() {
  stop_write_.Reset();
  thread_.join();
}

std::string StderrTail::Text() const {
  absl::MutexLock lock(&mutex_);
  return text_;
}

bool StderrTail::AwaitWords(absl::string_view words, absl::Time deadline) const {
  const auto said = [this, words]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ended_ || absl::StrContains(text_, words);
  };
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithDeadline(absl::Condition(&said), deadline);
  return absl::StrContains(text_, words);
}

bool StderrTail::AwaitEnd(absl::Time deadline) const {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithDeadline(absl::Condition(&ended_), deadline);
}

void StderrTail::Read() {
  char buffer[4096];
  while (true) {
    struct pollfd fds[2] = {{.fd = read_end_.get(), .events = POLLIN, .revents = 0},
                            {.fd = stop_read_.get(), .events = POLLIN, .revents = 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) break;
    if (fds[1].revents != 0) break;
    if (fds[0].revents == 0) continue;
    const ssize_t n = read(read_end_.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    absl::MutexLock lock(&mutex_);
    text_.append(buffer, n);
    if (text_.size() > kBytesKept) text_.erase(0, text_.size() - kBytesKept);
  }
  absl::MutexLock lock(&mutex_);
  ended_ = true;
}

}  // namespace iris
