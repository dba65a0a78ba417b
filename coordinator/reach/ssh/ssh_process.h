#ifndef IRIS_COORDINATOR_REACH_SSH_SSH_PROCESS_H_
#define IRIS_COORDINATOR_REACH_SSH_SSH_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "common/base/scoped_fd.h"
#include "coordinator/link/connection.h"
#include "coordinator/reach/shell/pipe_tails.h"
#include "coordinator/reach/ssh/ssh_failure.h"

namespace iris {

// A running ssh client: leader of a session of its own, so that it can neither ask on a terminal
// nor be hit by its Ctrl-C, with stdin and stdout on one socket, and its log and stderr read all
// the time, apart from each other.
//
// Ends with the object: SIGTERM, after at most 1 s SIGKILL, reaped with its helpers. Not
// thread-safe.
class SshProcess : public WireOwner {
 public:
  // `log_path`: where `argv` tells ssh to write its log: a FIFO that is made here. Removed at the
  // end. FAILURE_BAD_REQUEST: there is no such program. FAILURE_BUSY_LIMIT: no more processes,
  // threads or descriptors. FAILURE_STORAGE: the FIFO cannot be made.
  static absl::StatusOr<std::unique_ptr<SshProcess>> Start(const std::vector<std::string>& argv,
                                                           const std::vector<std::string>& env,
                                                           const std::string& log_path);
  ~SshProcess() override;

  pid_t pid() const { return pid_; }
  absl::string_view name() const override { return "ssh"; }
  absl::Status WhyEnded() override { return WhyEnded(SshEnd::Stage::kUp, ""); }
  // The same for a connection that has not come that far. `noise` is what the host printed on
  // stdout.
  absl::Status WhyEnded(SshEnd::Stage stage, std::string noise);
  // What that is made of.
  SshEnd End(SshEnd::Stage stage, std::string noise);

  // Our end of its stdin and stdout, non-blocking. Stays here unless released: it is what keeps the
  // remote command alive.
  ScopedFd& stdio() { return stdio_; }
  // ssh's own lines so far, the end of them.
  std::string log() const { return tails_->Text(kLog); }
  // ssh's lines have said that the login was accepted, however long ago.
  bool logged_in() const { return tails_->Noted(kLog); }
  // What others have said on its stderr so far, the end of it: before the login the host's banner,
  // and the programs on the way there.
  std::string said() const { return tails_->Text(kStderr); }
  // Waits until ssh's lines hold `words`, or ssh has ended.
  void AwaitInLog(absl::string_view words, absl::Time deadline) const {
    tails_->AwaitWords(kLog, words, deadline);
  }
  // A socket that it made: unlinked once it is gone.
  void RemoveAtEnd(std::string path) { remove_at_end_.push_back(std::move(path)); }

 private:
  enum Pipe : size_t { kLog, kStderr };

  SshProcess(pid_t pid, ScopedFd stdio, std::unique_ptr<PipeTails> tails);

  const pid_t pid_;
  ScopedFd stdio_;
  const std::unique_ptr<PipeTails> tails_;
  std::vector<std::string> remove_at_end_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_SSH_PROCESS_H_
