#ifndef IRIS_COORDINATOR_LINK_LENT_ENV_H_
#define IRIS_COORDINATOR_LINK_LENT_ENV_H_

#include <cstdint>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/environment/environment.h"

namespace iris {

// The environments that those have who share a connection, while they do: each has led its own
// there. The link's thread reads the newest at every attempt. Thread-safe.
class LentEnv {
 public:
  // In the place of what `borrower` was lent before. `env` null = nobody's: that of this process
  // counts.
  void Lend(const void* borrower, const SharedEnvironment& env) {
    absl::MutexLock lock(&mutex_);
    loans_[borrower] = {.env = env, .count = ++count_};
  }
  // It has left the connection: what it was lent is for no other.
  void TakeBack(const void* borrower) {
    absl::MutexLock lock(&mutex_);
    loans_.erase(borrower);
  }
  Environment Get() const {
    absl::MutexLock lock(&mutex_);
    Loan newest;
    for (const auto& [borrower, loan] : loans_) {
      if (loan.count >= newest.count) newest = loan;
    }
    return newest.env == nullptr ? Environment() : *newest.env;
  }

 private:
  struct Loan {
    SharedEnvironment env;
    uint64_t count = 0;  // Grows with every loan.
  };

  mutable absl::Mutex mutex_;
  uint64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<const void*, Loan> loans_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LENT_ENV_H_
