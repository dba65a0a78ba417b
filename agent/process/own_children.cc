#include "agent/process/own_children.h"

namespace iris {

OwnChildren& OwnChildren::Get() {
  static OwnChildren* const children = new OwnChildren;
  return *children;
}

absl::StatusOr<pid_t> OwnChildren::Start(const SpawnSpec& spec) {
  absl::MutexLock lock(&mutex_);
  const absl::StatusOr<pid_t> pid = Spawn(spec);
  if (pid.ok()) pids_.insert(*pid);
  return pid;
}

void OwnChildren::Adopt(pid_t pid) {
  absl::MutexLock lock(&mutex_);
  pids_.insert(pid);
}

void OwnChildren::Forget(pid_t pid) {
  absl::MutexLock lock(&mutex_);
  pids_.erase(pid);
}

bool OwnChildren::Has(pid_t pid) {
  absl::MutexLock lock(&mutex_);
  return pids_.count(pid) > 0;
}

}  // namespace iris
