#include "coordinator/reach/shell/dialogue.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "common/failure/failure.h"
#include "common/process/poll_until.h"

namespace iris {
namespace {

absl::Status TalksWithoutEnd() {
  return MakeFailure(
      v1::FAILURE_NO_AGENT_POSSIBLE,
      "the host's login shell prints without end and never ran our command",
      "Let the account's startup files (.bashrc, .profile) print nothing when the shell "
      "is not interactive.");
}

}  // namespace

absl::StatusOr<std::string> Dialogue::FirstReply(absl::Time deadline, Meanwhile meanwhile) {
  return Reply(deadline, kNewlinesMax, std::move(meanwhile));
}

absl::StatusOr<std::string> Dialogue::NextReply(absl::Time deadline) {
  return Reply(deadline, 0, {});
}

absl::StatusOr<std::string> Dialogue::ReplyAtEnd(absl::Time deadline) {
  shutdown(fd_, SHUT_WR);
  return Reply(deadline, 0, {});
}

void Dialogue::Nudge(int* newlines, Meanwhile* meanwhile) {
  last_byte_ = absl::Now();
  // What waits for a line gets an empty one first.
  if (*newlines < kNewlinesMax && !meanwhile->line.empty() && meanwhile->may_send_line()) {
    (void)send(fd_, meanwhile->line.data(), meanwhile->line.size(), MSG_NOSIGNAL);
    meanwhile->line.clear();
    sent_line_ = true;
  } else if (*newlines > 0) {
    (void)send(fd_, "\n", 1, MSG_NOSIGNAL);
    --*newlines;
  }
}

absl::StatusOr<std::string> Dialogue::Reply(absl::Time deadline, int newlines,
                                            Meanwhile meanwhile) {
  last_byte_ = absl::Now();
  absl::Time look = meanwhile.on_look ? last_byte_ + kLookEvery : absl::InfiniteFuture();
  while (!complete_.has_value()) {
    const bool nudges = newlines > 0 || !meanwhile.line.empty();
    const absl::Time nudge = nudges ? last_byte_ + kSilence : absl::InfiniteFuture();
    const absl::StatusOr<short> ready = Wait(POLLIN, std::min({deadline, nudge, look}));
    if (!ready.ok()) return ready.status();
    const absl::Time now = absl::Now();
    if (meanwhile.on_look && now >= std::min(look, deadline)) {
      deadline = meanwhile.on_look();
      look = now + kLookEvery;
    }
    if (*ready != 0) {
      if (absl::Status status = ReadReady(); !status.ok()) return status;
    } else if (now >= deadline) {
      return MakeFailure(v1::FAILURE_TIMEOUT, "the host's shell did not answer in time",
                         "Raise remoteOptions.connectTimeout, or find out what holds the host up: "
                         "its load, or the disk of the account's home directory.");
    } else if (now >= nudge) {
      Nudge(&newlines, &meanwhile);
    }
  }
  std::string reply = *std::move(complete_);
  complete_.reset();
  noise_bytes_ = 0;
  return reply;
}

absl::StatusOr<size_t> Dialogue::Send(absl::string_view bytes, absl::Time until) {
  size_t sent = 0;
  while (sent < bytes.size() && !complete_.has_value()) {
    const absl::StatusOr<short> ready = Wait(POLLIN | POLLOUT, until);
    if (!ready.ok()) return ready.status();
    if (*ready == 0) break;
    if ((*ready & ~POLLOUT) != 0) {
      if (absl::Status status = ReadReady(); !status.ok()) return status;
    }
    if ((*ready & POLLOUT) == 0) continue;
    const ssize_t n = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return Ended();
    sent += n;
  }
  return sent;
}

absl::string_view Dialogue::noise() const {
  return absl::string_view(tail_).substr(tail_.size() - std::min(tail_.size(), kNoiseBytesKept));
}

absl::Status Dialogue::Ended() {
  ended_ = true;
  return MakeFailure(v1::FAILURE_DROPPED, "the host ended the connection");
}

absl::StatusOr<short> Dialogue::Wait(short events, absl::Time until) {
  struct pollfd fd = {.fd = fd_, .events = events, .revents = 0};
  const absl::StatusOr<bool> ready = PollUntil(absl::MakeSpan(&fd, 1), until, cancelled_);
  if (!ready.ok()) return ready.status();
  return *ready ? fd.revents : short{0};
}

absl::Status Dialogue::ReadReady() {
  // One by one: a byte behind the reply's newline is not ours to take.
  while (!complete_.has_value()) {
    char byte;
    const ssize_t n = recv(fd_, &byte, 1, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return absl::OkStatus();
    if (n <= 0) return Ended();
    last_byte_ = absl::Now();
    if (absl::Status status = Take(byte); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Dialogue::Take(char byte) {
  if (in_reply_) {
    if (byte != '\n') {
      reply_ += byte;
      return reply_.size() > kReplyBytesMax ? TalksWithoutEnd() : absl::OkStatus();
    }
    in_reply_ = false;
    complete_ = std::string(absl::StripAsciiWhitespace(reply_));
    reply_.clear();
    return absl::OkStatus();
  }
  if (++noise_bytes_ > kNoiseBytesMax) return TalksWithoutEnd();
  tail_ += byte;
  if (absl::EndsWith(tail_, marker_)) {
    tail_.resize(tail_.size() - marker_.size());
    in_reply_ = true;
  } else if (tail_.size() > 2 * kNoiseBytesKept) {
    tail_.erase(0, kNoiseBytesKept);
  }
  return absl::OkStatus();
}

}  // namespace iris
