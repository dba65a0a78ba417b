#include "agent/process/own_children.h"

#include <unistd.h>

#include "agent/process/descendants.h"

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

void OwnChildren::AdoptUnheard(pid_t pid) {
  absl::MutexLock lock(&mutex_);
  pids_.insert(pid);
  unheard_.insert(pid);
}

void OwnChildren::Forget(pid_t pid) {
  absl::MutexLock lock(&mutex_);
  pids_.erase(pid);
  if (unheard_.erase(pid) > 0) looks_that_found_none_ = 0;
}

bool OwnChildren::Has(pid_t pid) {
  absl::MutexLock lock(&mutex_);
  return pids_.count(pid) > 0;
}

std::vector<pid_t> OwnChildren::FindOthers() {
  // Under the lock: what is noted or started meanwhile comes behind this look.
  absl::MutexLock lock(&mutex_);
  std::vector<pid_t> others;
  bool is_whole = true;
  for (const pid_t pid : AllChildrenOf(getpid(), &is_whole)) {
    if (pids_.count(pid) == 0) others.push_back(pid);
  }
  looks_that_found_none_ = is_whole && others.empty() ? looks_that_found_none_ + 1 : 0;
  return others;
}

bool OwnChildren::may_have_others() {
  absl::MutexLock lock(&mutex_);
  // The first process of a container gets the orphans of all the others in it, at any time.
  return getpid() == 1 || !unheard_.empty() || looks_that_found_none_ < kLooksMin;
}

void OwnChildren::NoteOthers() {
  absl::MutexLock lock(&mutex_);
  looks_that_found_none_ = 0;
}

}  // namespace iris
