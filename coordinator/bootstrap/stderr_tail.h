#ifndef IRIS_COORDINATOR_BOOTSTRAP_STDERR_TAIL_H_
#define IRIS_COORDINATOR_BOOTSTRAP_STDERR_TAIL_H_

#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"

namespace iris {

// Reads what a program prints for as long as it lives, so that it never blocks on a full pipe, and
// keeps the end of it. Has a thread of its own, joined by the destructor whoever still holds the
// pipe. Thread-safe.
class StderrTail {
 public:
  static constexpr size_t kBytesKept = 16 << 10;

  explicit StderrTail(ScopedFd read_end);
  ~StderrTail();
  StderrTail(const StderrTail&) = delete;
  StderrTail& operator=(const StderrTail&) = delete;

  std::string Text() const;
  // Waits until `words` stand in the text or the program has closed its end. False at `deadline`.
  bool AwaitWords(absl::string_view words, absl::Time deadline) const;
  // Waits until the program and its helpers have closed their end. False at `deadline`.
  bool AwaitEnd(absl::Time deadline) const;

 private:
  void Read();

  ScopedFd read_end_;
  ScopedFd stop_read_;
  ScopedFd stop_write_;

  mutable absl::Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_BOOTSTRAP_STDERR_TAIL_H_
