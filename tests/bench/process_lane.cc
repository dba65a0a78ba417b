#include <sys/wait.h>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/process/spawn.h"
#include "tests/bench/lane.h"
#include "tests/bench/line_process.h"
#include "tests/bench/stopwatch.h"

namespace iris::bench {
namespace {

class ProcessLane final : public Lane {
 public:
  explicit ProcessLane(const std::vector<std::string>& command)
      : spec_{.argv = command, .env = OwnEnvironment(), .fds = {{2, 2}}} {}

  absl::StatusOr<absl::Duration> RoundTrip(const Question&) override {
    const Stopwatch watch;
    const absl::StatusOr<pid_t> pid = Spawn(spec_);
    if (!pid.ok()) return pid.status();
    int status = 0;
    waitpid(*pid, &status, 0);
    const absl::Duration took = watch.elapsed();
    if (status == 0) return took;
    return absl::InternalError(absl::StrCat("it ended with wait status ", status));
  }

 private:
  const SpawnSpec spec_;
};

}  // namespace

std::unique_ptr<Lane> MakeProcessLane(const std::vector<std::string>& command) {
  return std::make_unique<ProcessLane>(command);
}

}  // namespace iris::bench
