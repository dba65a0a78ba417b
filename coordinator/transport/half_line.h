#ifndef IRIS_COORDINATOR_TRANSPORT_HALF_LINE_H_
#define IRIS_COORDINATOR_TRANSPORT_HALF_LINE_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"

namespace iris {

// What has come of a line that has not ended. One reader adds to it on its thread; who goes on with
// the line over another stream takes the beginning that it knows of. Thread-safe.
class HalfLine {
 public:
  // One string that grows would be copied as often as it doubles, and be given back at the end.
  static constexpr size_t kPieceBytes = 1 << 20;

  void Append(absl::string_view bytes) {
    absl::MutexLock lock(&mutex_);
    while (!bytes.empty()) {
      if (pieces_.empty() || pieces_.back().size() == kPieceBytes) {
        pieces_.emplace_back();
        if (pieces_.size() > 1) pieces_.back().reserve(kPieceBytes);
      }
      std::string& last = pieces_.back();
      const absl::string_view fits = bytes.substr(0, kPieceBytes - last.size());
      last.append(fits.data(), fits.size());
      bytes.remove_prefix(fits.size());
    }
  }
  // The line has ended: all of it in order, which is not here any more.
  std::vector<std::string> Take() {
    absl::MutexLock lock(&mutex_);
    taken_ = true;
    return std::exchange(pieces_, {});
  }
  // The first `size` bytes; nothing where the line was taken since.
  absl::optional<std::string> First(size_t size) const {
    absl::MutexLock lock(&mutex_);
    if (taken_) return absl::nullopt;
    std::string first;
    for (const std::string& piece : pieces_) first.append(piece, 0, size - first.size());
    return first;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<std::string> pieces_ ABSL_GUARDED_BY(mutex_);  // Of kPieceBytes, but for the last.
  bool taken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_TRANSPORT_HALF_LINE_H_
