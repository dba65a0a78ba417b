#ifndef IRIS_COORDINATOR_LINK_LOGIN_BAR_H_
#define IRIS_COORDINATOR_LINK_LOGIN_BAR_H_

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace iris {

// Keeps logins apart that would fail as the last one did: hosts count refused ones, lock accounts
// out for them, and fill their logs. After a failure that trying again cannot mend (RetryMends())
// there is no other login for a while, however many messages ask for one: each hears of that
// failure at once. The while is short at first, so that somebody who mends it hardly notices, and
// grows with every login that fails so while somebody goes on asking. Nothing is remembered once a
// login has succeeded, or where nobody has asked for a while: what is tried again now and then does
// not keep others out.
//
// Of all connections of one ResolvedTarget::key: what a configuration, the team's `remote` or the
// lent keys change makes another connection, with a bar of its own. Thread-safe.
class LoginBar {
 public:
  static constexpr absl::Duration kFirst = absl::Seconds(2);
  static constexpr int kGrowth = 3;
  static constexpr absl::Duration kLongest = absl::Minutes(5);
  static constexpr absl::Duration kRemembered = absl::Seconds(30);  // Or as long as the wait was.

  // Of a clock that never jumps, with any beginning.
  using Now = std::function<absl::Duration()>;
  explicit LoginBar(Now now = SinceSomeTime) : now_(std::move(now)) {}

  // OK: a login may be tried. Else the failure of the last one, with its age, and with what can be
  // done before the next may be tried; NextLoginIn() says when that is.
  absl::Status Check() const;
  // How a login went that was tried.
  void Note(const absl::Status& outcome);
  // Nothing is remembered.
  bool open() const;

 private:
  static absl::Duration SinceSomeTime();
  bool Forgotten() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return failure_.ok() || now_() >= until_ + std::max(wait_, kRemembered);
  }

  const Now now_;
  mutable absl::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);  // The last; OK: none that counts.
  absl::Duration failed_at_ ABSL_GUARDED_BY(mutex_);
  absl::Duration wait_ ABSL_GUARDED_BY(mutex_);  // From then to `until_`.
  absl::Duration until_ ABSL_GUARDED_BY(mutex_);
};

// No login was tried, `why` is what Check() said a moment ago: when one may be. Nothing: it is not.
absl::optional<absl::Duration> NextLoginIn(const absl::Status& why);

}  // namespace iris

#endif  // IRIS_COORDINATOR_LINK_LOGIN_BAR_H_
