#ifndef IRIS_COORDINATOR_TRANSPORT_HALF_LINE_H_
#define IRIS_COORDINATOR_TRANSPORT_HALF_LINE_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"

namespace iris {

// What has come of a line that has not ended. One reader adds to it on its thread; who goes on with
// the line over another stream takes the beginning that it knows of. Thread-safe.
class HalfLine {
 public:
  void Append(absl::string_view piece) {
    absl::MutexLock lock(&mutex_);
    bytes_.append(piece.data(), piece.size());
  }
  // The line has ended: all of it, which is not here any more.
  std::string Take() {
    absl::MutexLock lock(&mutex_);
    taken_ = true;
    return std::move(bytes_);
  }
  // The first `size` bytes; nothing where the line was taken since.
  absl::optional<std::string> First(size_t size) const {
    absl::MutexLock lock(&mutex_);
    if (taken_) return absl::nullopt;
    return bytes_.substr(0, size);
  }

 private:
  mutable absl::Mutex mutex_;
  std::string bytes_ ABSL_GUARDED_BY(mutex_);
  bool taken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_HALF_LINE_H_
