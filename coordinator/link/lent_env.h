#ifndef IRIS_COORDINATOR_LINK_LENT_ENV_H_
#define IRIS_COORDINATOR_LINK_LENT_ENV_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/environment/environment.h"

namespace iris {

// The environment that a front end has lent for a team, and when: a count that grows with every
// loan, 0 for none.
struct Loan {
  SharedEnvironment env;  // Null = nobody's: ssh runs with that of this process.
  uint64_t count = 0;
};

// The newest loan for one of the teams that share a connection. The link's thread reads it at every
// attempt. Thread-safe.
class LentEnv {
 public:
  // Does nothing where a newer one is there.
  void Lend(const Loan& loan) {
    absl::MutexLock lock(&mutex_);
    if (loan.count >= loan_.count) loan_ = loan;
  }
  Environment Get() const {
    absl::MutexLock lock(&mutex_);
    return loan_.env == nullptr ? Environment() : *loan_.env;
  }

 private:
  mutable absl::Mutex mutex_;
  Loan loan_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LENT_ENV_H_
