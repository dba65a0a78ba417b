#ifndef IRIS_COORDINATOR_CLI_PROGRESS_LINE_H_
#define IRIS_COORDINATOR_CLI_PROGRESS_LINE_H_

#include <cstddef>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "proto/iris/v1/coordinator.pb.h"

namespace iris {

// What a waiting person reads of `progress`: "uploading the agent to gpu1: 1.2 MiB of 3.1 MiB".
std::string ShowProgress(const v1::TellProgress& progress);

// The same with how long claude works on it, and the end of what it has said last, as it is `later`
// than it was said: "runs Bash: npm test · 42 s · …I run the tests". At most `columns` columns
// wide; the seconds are the last to go.
std::string ProgressLineText(const v1::TellProgress& progress, absl::Duration later,
                             size_t columns);

// Whether it is what a host says before the login, an address to visit say, and too long for the
// line: to be printed above it, and to stay. All else is cut to the line, also why a host is out of
// reach, which is said again with each attempt.
bool HasToBeReadWhole(const v1::TellProgress& progress, size_t columns);

// One line on stderr that is overwritten as things go on, every second at least, and gone at the
// end. It is never wider than the terminal: a line that wraps could not be taken back. Prints
// nothing where stderr is no terminal. Thread-safe.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(const v1::TellProgress& progress);
  void Clear();

 private:
  void Tick();
  void Draw() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const bool on_terminal_;
  absl::Mutex mutex_;
  absl::optional<v1::TellProgress> progress_ ABSL_GUARDED_BY(mutex_);  // What is shown.
  absl::Time heard_at_ ABSL_GUARDED_BY(mutex_);
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  absl::StatusOr<std::thread> ticker_;  // Last: it uses the others. Without one the seconds stand.
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_CLI_PROGRESS_LINE_H_
