#ifndef IRIS_COORDINATOR_LINK_LENT_ENV_H_
#define IRIS_COORDINATOR_LINK_LENT_ENV_H_

#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace iris {

// What the newest front end has lent (SSH_AUTH_SOCK and the like), by name. Links' threads read it
// at every connection. Thread-safe.
class LentEnv {
 public:
  void Set(const std::map<std::string, std::string>& env) {
    absl::MutexLock lock(&mutex_);
    env_ = env;
  }
  std::map<std::string, std::string> Get() const {
    absl::MutexLock lock(&mutex_);
    return env_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, std::string> env_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LENT_ENV_H_
