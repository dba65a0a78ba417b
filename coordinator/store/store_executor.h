#ifndef IRIS_COORDINATOR_STORE_STORE_EXECUTOR_H_
#define IRIS_COORDINATOR_STORE_STORE_EXECUTOR_H_

#include "absl/functional/any_invocable.h"

namespace iris {

// Where a StoreQueue waits for the disk: runs tasks one at a time, in order.
class StoreExecutor {
 public:
  using Task = absl::AnyInvocable<void()>;

  virtual ~StoreExecutor() = default;
  virtual void Run(Task task) = 0;
  // Returns when all that was given to Run() has been run, also what came from inside a task. Not
  // to be called from a task.
  virtual void Finish() = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_STORE_STORE_EXECUTOR_H_
