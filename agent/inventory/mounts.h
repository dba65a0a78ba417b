#ifndef IRIS_AGENT_INVENTORY_MOUNTS_H_
#define IRIS_AGENT_INVENTORY_MOUNTS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"

namespace iris {

// What is mounted where, by the kernel's table of mounts. That is read when it is first needed, and
// again when the kernel says that it has changed (proc(5): poll() of it); and where a kernel should
// not say so, after kReadAgainAfter. Thread-safe.
class Mounts {
 public:
  static constexpr absl::Duration kReadAgainAfter = absl::Seconds(10);

  Mounts();
  // A table of a test's, which is read each time.
  explicit Mounts(std::string file);
  ~Mounts();
  Mounts(const Mounts&) = delete;
  Mounts& operator=(const Mounts&) = delete;

  // Whether the way to the absolute `path`, by links too, leads onto a file system whose server may
  // hang: then so does whoever looks there. Does not itself: it asks the table. Where there is
  // none, the file system is asked.
  bool LeadsOntoNetwork(const std::string& path);

  // How often the table was read.
  uint64_t reads() const;

 private:
  struct Table;

  // As it is now; null: there is none.
  std::shared_ptr<const Table> Now();
  bool MayHaveChanged() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Read() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string file_;
  const bool tells_of_changes_;
  mutable absl::Mutex mutex_;
  ScopedFd open_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Table> table_ ABSL_GUARDED_BY(mutex_);
  absl::Duration read_at_ ABSL_GUARDED_BY(mutex_);  // By MonotonicNow().
  uint64_t reads_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace iris

#endif  // IRIS_AGENT_INVENTORY_MOUNTS_H_
