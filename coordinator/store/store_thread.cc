#include "coordinator/store/store_thread.h"

#include <utility>

#include "common/process/thread.h"

namespace iris {

absl::StatusOr<std::unique_ptr<StoreThread>> StoreThread::Start() {
  std::unique_ptr<StoreThread> made(new StoreThread());
  absl::StatusOr<std::thread> thread =
      StartThread("writes the store", [store_thread = made.get()] { store_thread->Work(); });
  if (!thread.ok()) return thread.status();
  made->thread_ = *std::move(thread);
  return made;
}

StoreThread::~StoreThread() {
  if (!thread_.joinable()) return;
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
}

void StoreThread::Run(Task task) {
  absl::MutexLock lock(&mutex_);
  tasks_.push_back(std::move(task));
}

void StoreThread::Finish() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &StoreThread::IsIdle));
}

void StoreThread::Work() {
  while (true) {
    Task task;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &StoreThread::HasWorkOrStops));
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      running_ = true;
    }
    task();
    task = nullptr;
    absl::MutexLock lock(&mutex_);
    running_ = false;
  }
}

}  // namespace iris
