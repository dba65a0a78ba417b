#ifndef IRIS_COORDINATOR_REACH_SHELL_PIPE_TAILS_H_
#define IRIS_COORDINATOR_REACH_SHELL_PIPE_TAILS_H_

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"

namespace iris {

// Reads what a program prints into its pipes for as long as it lives, so that it never blocks on a
// full one, and keeps the end of each; of one kind of line it never forgets that it came. Has one
// thread, joined by the destructor whoever still holds the pipes. Thread-safe.
class PipeTails {
 public:
  static constexpr size_t kBytesKept = 16 << 10;

  // Of pipes' or FIFOs' read ends, which are numbered as they are given. `noted`: how a line begins
  // that Noted() is asked for; not empty. `program`: who prints, for people. FAILURE_BUSY_LIMIT:
  // there are no more threads or descriptors.
  static absl::StatusOr<std::unique_ptr<PipeTails>> Start(std::vector<ScopedFd> read_ends,
                                                          std::string noted,
                                                          absl::string_view program = "a program");
  ~PipeTails();
  PipeTails(const PipeTails&) = delete;
  PipeTails& operator=(const PipeTails&) = delete;

  std::string Text(size_t pipe) const;
  // A line that begins as `noted` was read from that pipe, however long ago.
  bool Noted(size_t pipe) const;
  // Waits until `words` stand in the text or the program has closed its end. False at `deadline`.
  bool AwaitWords(size_t pipe, absl::string_view words, absl::Time deadline) const;
  // Waits until the program and its helpers have closed their end of every pipe. False at
  // `deadline`; a FIFO that nobody has opened yet is not closed.
  bool AwaitEnd(absl::Time deadline) const;

 private:
  struct Tail {
    std::string text;
    bool cut = false;  // Something came before `text`.
    bool noted = false;
    bool ended = false;
  };

  PipeTails(std::vector<ScopedFd> read_ends, std::string noted, ScopedFd stop_read,
            ScopedFd stop_write);
  void Read();
  // False at the end.
  bool ReadSome(size_t pipe);
  void End(size_t pipe);

  const std::vector<ScopedFd> read_ends_;
  const std::string noted_;
  const ScopedFd stop_read_;
  ScopedFd stop_write_;

  mutable absl::Mutex mutex_;
  std::vector<Tail> tails_ ABSL_GUARDED_BY(mutex_);  // As read_ends_.

  std::thread thread_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SHELL_PIPE_TAILS_H_
