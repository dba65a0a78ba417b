#ifndef IRIS_COORDINATOR_STORE_STORE_THREAD_H_
#define IRIS_COORDINATOR_STORE_STORE_THREAD_H_

#include <deque>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "coordinator/store/store_executor.h"

namespace iris {

// The store's own thread, joined by the destructor when all that was given to it has been run.
// Thread-safe.
class StoreThread final : public StoreExecutor {
 public:
  // FAILURE_BUSY_LIMIT: the system has no more threads.
  static absl::StatusOr<std::unique_ptr<StoreThread>> Start();
  ~StoreThread() override;

  void Run(Task task) override;
  void Finish() override;

 private:
  StoreThread() = default;
  void Work();
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !tasks_.empty() || stop_;
  }
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return tasks_.empty() && !running_; }

  absl::Mutex mutex_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_STORE_THREAD_H_
