#ifndef IRIS_AGENT_SESSION_HOST_AGE_H_
#define IRIS_AGENT_SESSION_HOST_AGE_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/age_clock.h"

namespace iris {

// How old what agents keep on a host has become, over all their lives, by a clock that nobody can
// set (AgeClock): what may go after a month must not go because a clock was wrong for a minute.
// While no agent runs, it grows by a day at most. Lives on the process loop.
class HostAge {
 public:
  // Goes on with what the file `path` says. Where that is lost, it begins again; see AtLeast().
  HostAge(std::string path, std::function<absl::Time()> now, AgeClock::Monotonic monotonic);

  absl::Duration Age() const { return clock_.Age() + ahead_; }
  // Something is that old already.
  void AtLeast(absl::Duration age);
  // Now and then, and at the end. Errors are errno's; then the next life goes on from an earlier
  // age.
  absl::Status Save() const;

 private:
  const std::string path_;
  const std::function<absl::Time()> now_;
  AgeClock clock_;
  absl::Duration ahead_;
};

}  // namespace iris

#endif  // IRIS_AGENT_SESSION_HOST_AGE_H_
