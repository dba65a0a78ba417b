#ifndef IRIS_COORDINATOR_CLI_MCP_GIVEN_H_
#define IRIS_COORDINATOR_CLI_MCP_GIVEN_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace iris {

// Which of the client's messages were answered on stdout, for the coordinator to hear: what is only
// on its way there may get lost. Thread-safe: answers are written by the thread that reads the
// stream, and reported by the one that writes to it.
class GivenAnswers {
 public:
  // The answer to a message is about to be written to stdout; and it was. `id` may be empty.
  void Begin();
  void End(const std::string& id);
  // What was written since the last call. An answer that is being written is waited for, since the
  // client may have it by now; no longer than `patience`, since it need not read.
  std::vector<std::string> Take(absl::Duration patience);

 private:
  bool NoneIsWritten() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !writing_; }

  absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> given_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_MCP_GIVEN_H_
