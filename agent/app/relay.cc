#include "agent/app/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "absl/time/clock.h"

namespace iris {
namespace {

constexpr size_t kBufferBytes = 64 << 10;

// Non-blocking for the life of the object: a terminal's descriptor is shared with its shell.
class NonBlocking {
 public:
  explicit NonBlocking(int fd) : fd_(fd), flags_(fcntl(fd, F_GETFL)) {
    if (flags_ >= 0) fcntl(fd, F_SETFL, flags_ | O_NONBLOCK);
  }
  ~NonBlocking() {
    if (flags_ >= 0) fcntl(fd_, F_SETFL, flags_);
  }
  NonBlocking(const NonBlocking&) = delete;
  NonBlocking& operator=(const NonBlocking&) = delete;

 private:
  const int fd_;
  const int flags_;
};

// One direction: bytes that were read and not written yet.
class Flow {
 public:
  Flow(int from, int to) : from_(from), to_(to), buffer_(new char[kBufferBytes]) {}

  bool wants_read() const { return !ended_ && begin_ == end_; }
  bool wants_write() const { return begin_ < end_; }
  bool ended() const { return ended_; }
  bool done() const { return ended_ && begin_ == end_; }
  bool broken() const { return broken_; }

  // Reads once.
  void Fill() {
    const ssize_t n = read(from_, buffer_.get(), kBufferBytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      ended_ = true;
      return;
    }
    begin_ = 0;
    end_ = static_cast<size_t>(n);
  }
  // Writes once.
  void Drain() {
    const ssize_t n = write(to_, buffer_.get() + begin_, end_ - begin_);
    if (n >= 0) {
      begin_ += static_cast<size_t>(n);
    } else if (errno != EAGAIN && errno != EINTR) {
      broken_ = ended_ = true;
      begin_ = end_;
    }
  }
  void DropNudges() {
    while (!started_ && begin_ < end_) {
      const char c = buffer_[begin_];
      started_ = !in_nudge_ && c != '\n' && c != ' ';
      if (started_) return;
      in_nudge_ = c != '\n';
      ++begin_;
    }
  }

 private:
  const int from_;
  const int to_;
  const std::unique_ptr<char[]> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool started_ = false;
  bool in_nudge_ = false;  // Within a line that began with a blank.
  bool ended_ = false;     // Nothing more will be read.
  bool broken_ = false;    // Nobody takes what is written.
};

short Events(bool read, bool write) {
  return static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
}

int MillisUntil(std::optional<absl::Time> deadline) {
  if (!deadline.has_value()) return -1;
  return static_cast<int>(
      std::max<int64_t>(0, absl::ToInt64Milliseconds(*deadline - absl::Now()) + 1));
}

}  // namespace

RelayEnd Relay(int in, int out, int socket, absl::Duration linger) {
  constexpr short kGone = POLLERR | POLLHUP | POLLNVAL;
  const NonBlocking in_mode(in), out_mode(out);
  Flow up(in, socket), down(socket, out);
  std::optional<RelayEnd> end;
  std::optional<absl::Time> deadline;
  const auto note_end = [&](RelayEnd which) {
    if (end.has_value()) return;
    end = which;
    deadline = absl::Now() + linger;
  };
  bool half_closed = false;
  while (true) {
    // A descriptor without interest is left out: a hang-up would wake us without end.
    pollfd polled[3] = {
        {.fd = up.wants_read() ? in : -1, .events = POLLIN, .revents = 0},
        {.fd = down.wants_read() || up.wants_write() ? socket : -1,
         .events = Events(down.wants_read(), up.wants_write()),
         .revents = 0},
        {.fd = out, .events = Events(false, down.wants_write()), .revents = 0},
    };
    const int ready = poll(polled, 3, MillisUntil(deadline));
    if (ready < 0 && errno != EINTR) return end.value_or(RelayEnd::kInputEnded);
    if (deadline.has_value() && absl::Now() >= *deadline) return *end;

    if (polled[0].revents != 0) {
      up.Fill();
      up.DropNudges();
    }
    if ((polled[1].revents & (POLLIN | kGone)) != 0 && down.wants_read()) down.Fill();
    if (up.wants_write()) up.Drain();
    if (down.wants_write()) down.Drain();
    if ((polled[2].revents & kGone) != 0 || down.broken())
      return end.value_or(RelayEnd::kInputEnded);

    if (up.broken() || down.ended()) note_end(RelayEnd::kSocketEnded);
    if (up.ended()) note_end(RelayEnd::kInputEnded);
    if (down.done()) return *end;
    if (up.done() && !half_closed) {
      half_closed = true;
      shutdown(socket, SHUT_WR);
    }
  }
}

}  // namespace iris
