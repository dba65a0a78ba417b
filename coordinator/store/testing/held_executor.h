#ifndef IRIS_COORDINATOR_STORE_TESTING_HELD_EXECUTOR_H_
#define IRIS_COORDINATOR_STORE_TESTING_HELD_EXECUTOR_H_

#include <cstddef>
#include <deque>
#include <utility>

#include "coordinator/store/store_executor.h"

namespace iris {

// Runs nothing before the test says so, on the test's own thread. Not thread-safe.
class HeldExecutor final : public StoreExecutor {
 public:
  void Run(Task task) override { tasks_.push_back(std::move(task)); }
  void Finish() override {
    while (RunNext()) {
    }
  }
  // The oldest that waits. False: there is none.
  bool RunNext() {
    if (tasks_.empty()) return false;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    return true;
  }
  size_t waiting() const { return tasks_.size(); }

 private:
  std::deque<Task> tasks_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_TESTING_HELD_EXECUTOR_H_
