#include "coordinator/reach/shell/pipe_tails.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/failure/exhausted.h"
#include "common/process/thread.h"

namespace iris {

namespace {

// Whether a line of `text`, looked at from `from` on, begins with `beginning`. `is_whole`: nothing
// came before `text`, so that its first byte begins a line.
bool HasLine(absl::string_view text, absl::string_view beginning, size_t from, bool is_whole) {
  for (size_t at = text.find(beginning, from); at != absl::string_view::npos;
       at = text.find(beginning, at + 1)) {
    if (at == 0 ? is_whole : text[at - 1] == '\n') return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PipeTails>> PipeTails::Start(std::vector<ScopedFd> read_ends,
                                                            std::string noted,
                                                            absl::string_view program) {
  int stop[2];
  if (pipe2(stop, O_CLOEXEC) != 0)
    return Exhausted(errno, absl::StrCat(program, "'s words cannot be read"));
  std::unique_ptr<PipeTails> tails(
      new PipeTails(std::move(read_ends), std::move(noted), ScopedFd(stop[0]), ScopedFd(stop[1])));
  absl::StatusOr<std::thread> thread = StartThread(absl::StrCat("reads ", program, "'s words"),
                                                   [reader = tails.get()] { reader->Read(); });
  if (!thread.ok()) return thread.status();
  tails->thread_ = *std::move(thread);
  return tails;
}

PipeTails::PipeTails(std::vector<ScopedFd> read_ends, std::string noted, ScopedFd stop_read,
                     ScopedFd stop_write)
    : read_ends_(std::move(read_ends)),
      noted_(std::move(noted)),
      stop_read_(std::move(stop_read)),
      stop_write_(std::move(stop_write)),
      tails_(read_ends_.size()) {}

PipeTails::~PipeTails() {
  stop_write_.Reset();
  if (thread_.joinable()) thread_.join();
}

std::string PipeTails::Text(size_t pipe) const {
  absl::MutexLock lock(&mutex_);
  return tails_[pipe].text;
}

bool PipeTails::Noted(size_t pipe) const {
  absl::MutexLock lock(&mutex_);
  return tails_[pipe].noted;
}

bool PipeTails::AwaitWords(size_t pipe, absl::string_view words, absl::Time deadline) const {
  const auto said = [this, pipe, words]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return tails_[pipe].ended || absl::StrContains(tails_[pipe].text, words);
  };
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithDeadline(absl::Condition(&said), deadline);
  return absl::StrContains(tails_[pipe].text, words);
}

bool PipeTails::AwaitEnd(absl::Time deadline) const {
  const auto ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::all_of(tails_.begin(), tails_.end(), [](const Tail& tail) { return tail.ended; });
  };
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithDeadline(absl::Condition(&ended), deadline);
}

void PipeTails::Read() {
  std::vector<struct pollfd> fds;
  for (const ScopedFd& fd : read_ends_) fds.push_back({fd.get(), POLLIN, 0});
  fds.push_back({stop_read_.get(), POLLIN, 0});
  while (true) {
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) break;
    if (fds.back().revents != 0) break;
    for (size_t pipe = 0; pipe < read_ends_.size(); ++pipe) {
      // poll() passes over a negative descriptor.
      if (fds[pipe].revents != 0 && !ReadSome(pipe)) fds[pipe].fd = -1;
      fds[pipe].revents = 0;
    }
  }
  for (size_t pipe = 0; pipe < read_ends_.size(); ++pipe) End(pipe);
}

bool PipeTails::ReadSome(size_t pipe) {
  char buffer[4096];
  const ssize_t n = read(read_ends_[pipe].get(), buffer, sizeof(buffer));
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (n <= 0) {
    End(pipe);
    return false;
  }
  absl::MutexLock lock(&mutex_);
  Tail& tail = tails_[pipe];
  std::string& text = tail.text;
  // The beginning of a line may have come with the last piece.
  const size_t from = text.size() - std::min(text.size(), noted_.size());
  text.append(buffer, n);
  tail.noted = tail.noted || HasLine(text, noted_, from, /*is_whole=*/!tail.cut);
  tail.cut = tail.cut || text.size() > kBytesKept;
  if (text.size() > kBytesKept) text.erase(0, text.size() - kBytesKept);
  return true;
}

void PipeTails::End(size_t pipe) {
  absl::MutexLock lock(&mutex_);
  tails_[pipe].ended = true;
}

}  // namespace iris
