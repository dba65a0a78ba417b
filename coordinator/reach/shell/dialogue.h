#ifndef IRIS_COORDINATOR_REACH_SHELL_DIALOGUE_H_
#define IRIS_COORDINATOR_REACH_SHELL_DIALOGUE_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace iris {

// Our side of the talk with a host's shell, before gRPC starts: lines that begin with the
// connection's marker are replies, everything else is noise (a message of the day, .bashrc) and
// passed over. Never reads a byte beyond the end of a reply: what follows may be the hello.
//
// The talk is half-duplex: send, wait for the reply, send again. A shell that reads its script in
// blocks would swallow anything that came early.
//
// Failures of every call: FAILURE_DROPPED: the host ended the talk; the client knows why.
// FAILURE_TIMEOUT: the deadline. FAILURE_CANCELLED. FAILURE_NO_AGENT_POSSIBLE: the host talks
// without end (kNoiseBytesMax, kReplyBytesMax).
//
// Not thread-safe.
class Dialogue {
 public:
  static constexpr size_t kNoiseBytesMax = 1 << 20;
  static constexpr size_t kReplyBytesMax = 4 << 10;
  static constexpr size_t kNoiseBytesKept = 1 << 10;
  // A login script may wait for a line. After this long without a byte one newline is sent, which a
  // shell and the bridge both ignore.
  static constexpr absl::Duration kSilence = absl::Milliseconds(1500);
  static constexpr int kNewlinesMax = 3;

  // What goes on while the first reply is awaited.
  struct Meanwhile {
    // For a shell that a login script starts in place of our command, and that reads commands. Sent
    // once, after the first newline that did not help. Begins with a blank and ends with a newline:
    // what it was not for passes it over. May be empty.
    std::string line;
    std::function<bool()> may_send_line;  // A shell can be there: what comes before it is over.
    // Called every kLookEvery, and when the deadline has come; returns the deadline from then on.
    // May be empty.
    std::function<absl::Time()> on_look;
  };
  static constexpr absl::Duration kLookEvery = absl::Milliseconds(500);
  // `fd`: a non-blocking stream socket; stays the caller's. `cancelled` may be null.
  Dialogue(int fd, std::string marker, const std::atomic<bool>* cancelled)
      : fd_(fd), marker_(std::move(marker)), cancelled_(cancelled) {}

  // The first reply, without the marker. Sends nothing but the newlines of a silence, and the line
  // where there is one. After FAILURE_TIMEOUT it may be called again.
  absl::StatusOr<std::string> FirstReply(absl::Time deadline, Meanwhile meanwhile = {});
  // The line was sent.
  bool sent_line() const { return sent_line_; }
  // The reply after the end of our talk, which it ends: some shells (fish) run nothing before.
  absl::StatusOr<std::string> ReplyAtEnd(absl::Time deadline);
  // The next one.
  absl::StatusOr<std::string> NextReply(absl::Time deadline);

  // Sends `bytes` and returns how many are out: all, fewer at `until`, and fewer also when a reply
  // arrives first: the host has something to say about it, and NextReply() returns that.
  absl::StatusOr<size_t> Send(absl::string_view bytes, absl::Time until);

  // The host has ended the talk.
  bool ended() const { return ended_; }

  // The end of what was passed over, for error texts. The host's raw bytes.
  absl::string_view noise() const;

 private:
  absl::StatusOr<std::string> Reply(absl::Time deadline, int newlines, Meanwhile meanwhile);
  // Lost where nobody takes it: then there is nobody to wake up either.
  void Nudge(int* newlines, Meanwhile* meanwhile);
  // Waits until `fd_` is ready for `events` and returns what it is ready for; 0 at `until`.
  absl::StatusOr<short> Wait(short events, absl::Time until);
  // Reads until a reply is complete or nothing more is there.
  absl::Status ReadReady();
  absl::Status Take(char byte);
  absl::Status Ended();

  const int fd_;
  const std::string marker_;
  const std::atomic<bool>* const cancelled_;
  std::string tail_;        // The last bytes outside a reply; trimmed now and then.
  size_t noise_bytes_ = 0;  // Since the last reply.
  bool ended_ = false;
  bool sent_line_ = false;
  bool in_reply_ = false;
  std::string reply_;
  absl::optional<std::string> complete_;
  absl::Time last_byte_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_DIALOGUE_H_
