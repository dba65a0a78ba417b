#ifndef IRIS_COORDINATOR_LINK_LENT_ENV_H_
#define IRIS_COORDINATOR_LINK_LENT_ENV_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace iris {

// What a front end has lent for a team (SSH_AUTH_SOCK and the like, by name), and when: a count
// that grows with every loan, 0 for none.
struct Loan {
  std::map<std::string, std::string> env;
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
  std::map<std::string, std::string> Get() const {
    absl::MutexLock lock(&mutex_);
    return loan_.env;
  }

 private:
  mutable absl::Mutex mutex_;
  Loan loan_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LENT_ENV_H_
