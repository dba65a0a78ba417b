#ifndef IRIS_COORDINATOR_BOOTSTRAP_SSH_PROCESS_H_
#define IRIS_COORDINATOR_BOOTSTRAP_SSH_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/scoped_fd.h"
#include "coordinator/bootstrap/bootstrap.h"
#include "coordinator/bootstrap/ssh_failure.h"
#include "coordinator/bootstrap/stderr_tail.h"

namespace iris {

// A running ssh client: leader of a session of its own, so that it can neither ask on a terminal
// nor be hit by its Ctrl-C, with stdin and stdout on one socket and stderr read all the time.
//
// Not thread-safe; pid() and stderr_tail() are.
class SshProcess : public SshClient {
 public:
  // FAILURE_BAD_REQUEST: there is no such program.
  static absl::StatusOr<std::unique_ptr<SshProcess>> Start(const std::vector<std::string>& argv,
                                                           const std::vector<std::string>& env);
  ~SshProcess() override;

  pid_t pid() const override { return pid_; }
  absl::Status WhyEnded() override { return WhyEnded(SshEnd::Stage::kUp, ""); }
  // The same for a connection that has not come that far. `noise` is what the host printed on
  // stdout.
  absl::Status WhyEnded(SshEnd::Stage stage, std::string noise);

  // Our end of its stdin and stdout, non-blocking. Stays here unless released: it is what keeps the
  // remote command alive.
  ScopedFd& stdio() { return stdio_; }
  const StderrTail& stderr_tail() const { return *stderr_; }
  // A socket that it made: unlinked once it is gone.
  void RemoveAtEnd(std::string path) { remove_at_end_.push_back(std::move(path)); }

 private:
  SshProcess(pid_t pid, ScopedFd stdio, ScopedFd stderr_read_end);

  const pid_t pid_;
  ScopedFd stdio_;
  std::unique_ptr<StderrTail> stderr_;
  std::vector<std::string> remove_at_end_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_BOOTSTRAP_SSH_PROCESS_H_
