#ifndef IRIS_COORDINATOR_LINK_LENT_ENV_H_
#define IRIS_COORDINATOR_LINK_LENT_ENV_H_

#include <cstdint>
#include <map>

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

// What was lent for those that share a connection, while they do. The link's thread reads the
// newest at every attempt. Thread-safe.
class LentEnv {
 public:
  // In the place of what `borrower` was lent before.
  void Lend(const void* borrower, const Loan& loan) {
    absl::MutexLock lock(&mutex_);
    loans_[borrower] = loan;
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
  mutable absl::Mutex mutex_;
  std::map<const void*, Loan> loans_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LENT_ENV_H_
