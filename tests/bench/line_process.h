#ifndef IRIS_TESTS_BENCH_LINE_PROCESS_H_
#define IRIS_TESTS_BENCH_LINE_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"

namespace iris::bench {

// The environment of this process, for one that it starts.
std::vector<std::string> OwnEnvironment();

// A process with our environment that is told lines and says lines: a claude in stream-json mode,
// `ssh HOST claude …`, `iris mcp`. Killed in the end. Not thread-safe.
class LineProcess {
 public:
  static absl::StatusOr<std::unique_ptr<LineProcess>> Start(
      const std::vector<std::string>& command);
  ~LineProcess();
  LineProcess(const LineProcess&) = delete;
  LineProcess& operator=(const LineProcess&) = delete;

  // `line` without its newline. Waits until the process has room for it.
  absl::Status Write(std::string line);
  // The next line, without its newline; it is there until the next call. DeadlineExceeded.
  // Internal: the process has ended.
  absl::StatusOr<std::string_view> Read(absl::Time deadline);

  // For who waits for several of them: what becomes readable; what is there is taken by Fill(),
  // which fails as Read(), and TakeLine() returns a line of it (as Read()), or false: none is
  // whole.
  int fd() const { return from_.get(); }
  absl::Status Fill();
  bool TakeLine(std::string_view& line);

  // The end of stdin, and of the process. Its wait status.
  int Finish();

 private:
  LineProcess(pid_t pid, ScopedFd to, ScopedFd from);

  pid_t pid_;
  ScopedFd to_;
  ScopedFd from_;
  std::string unread_;
  size_t taken_ = 0;     // So much of it was returned.
  size_t searched_ = 0;  // Up to here no newline stands behind that.
};

// A claude that was started so, once it is ready: its answer to `initialize` has come.
absl::StatusOr<std::unique_ptr<LineProcess>> StartClaude(const std::vector<std::string>& command);

// The line that asks it for `text` (without what JSON would escape), and whether one of its lines
// is the result.
std::string MessageFor(absl::string_view text);
bool IsResult(std::string_view line);

}  // namespace iris::bench

#endif  // IRIS_TESTS_BENCH_LINE_PROCESS_H_
