#ifndef IRIS_COORDINATOR_CLI_INTERRUPT_NOTICE_H_
#define IRIS_COORDINATOR_CLI_INTERRUPT_NOTICE_H_

#include <string>

namespace iris {

// While it lives, SIGINT and SIGTERM end this process as they always do, but first say to the
// person on stderr that the team goes on with the message, and how to get the answer. One at a
// time.
class InterruptNotice {
 public:
  explicit InterruptNotice(const std::string& tell_id);
  ~InterruptNotice();
  InterruptNotice(const InterruptNotice&) = delete;
  InterruptNotice& operator=(const InterruptNotice&) = delete;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_INTERRUPT_NOTICE_H_
