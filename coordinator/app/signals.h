#ifndef IRIS_COORDINATOR_APP_SIGNALS_H_
#define IRIS_COORDINATOR_APP_SIGNALS_H_

#include "absl/functional/any_invocable.h"
#include "common/base/scoped_fd.h"
#include "common/loop/event_loop.h"

namespace iris {

// While it lives, SIGTERM, SIGINT and SIGHUP run a function on the loop instead of ending the
// process. SIGPIPE is ignored from the first one on. One at a time; made and destroyed on the loop.
class TerminationSignals {
 public:
  TerminationSignals(EventLoop& loop, absl::AnyInvocable<void()> on_signal);
  ~TerminationSignals();
  TerminationSignals(const TerminationSignals&) = delete;
  TerminationSignals& operator=(const TerminationSignals&) = delete;

 private:
  EventLoop& loop_;
  ScopedFd reader_;
  ScopedFd writer_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_APP_SIGNALS_H_
