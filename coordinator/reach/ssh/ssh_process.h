#ifndef IRIS_COORDINATOR_REACH_SSH_SSH_PROCESS_H_
#define IRIS_COORDINATOR_REACH_SSH_SSH_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/scoped_fd.h"
#include "coordinator/link/connection.h"
#include "coordinator/reach/shell/client_process.h"
#include "coordinator/reach/shell/shell_client.h"
#include "coordinator/reach/ssh/ssh_failure.h"

namespace iris {

// A running ssh client. Beside what it says on stderr it has a log, whose lines are its own and
// nobody else's. Not thread-safe; pid() is.
class SshProcess final : public WireOwner {
 public:
  // `log_path`: where `argv` tells ssh to write its log: a FIFO that is made here. Removed at the
  // end. As ClientProcess::Start(), and FAILURE_STORAGE: the FIFO cannot be made.
  static absl::StatusOr<std::unique_ptr<SshProcess>> Start(const std::vector<std::string>& argv,
                                                           const std::vector<std::string>& env,
                                                           const std::string& log_path);
  ~SshProcess() override;

  absl::string_view name() const override { return "ssh"; }
  absl::Status WhyEnded() override { return ClassifySshEnd(End(ClientStage::kUp, "")); }
  // What that is made of, for a connection that has come as far as `stage`. `noise` is what the
  // host printed on stdout. Waits up to 1 s for ssh to end.
  SshEnd End(ClientStage stage, std::string noise);

  pid_t pid() const { return client_->pid(); }
  ScopedFd& stdio() { return client_->stdio(); }
  // ssh's own lines so far, the end of them.
  std::string log() const { return client_->tails().Text(kLog); }
  // ssh's lines have said that the login was accepted, however long ago.
  bool logged_in() const { return client_->tails().Noted(kLog); }
  // What others have said on its stderr so far, the end of it: before the login the host's banner,
  // and the programs on the way there.
  std::string said() const { return client_->tails().Text(ClientProcess::kStderr); }
  // Waits until ssh's lines hold `words`, or ssh has ended.
  void AwaitInLog(absl::string_view words, absl::Time deadline) const {
    client_->tails().AwaitWords(kLog, words, deadline);
  }
  // A socket that it made: unlinked once it is gone.
  void RemoveAtEnd(std::string path) { remove_at_end_.push_back(std::move(path)); }

 private:
  static constexpr size_t kLog = 1;  // Of ClientProcess::tails().

  explicit SshProcess(std::unique_ptr<ClientProcess> client) : client_(std::move(client)) {}

  std::unique_ptr<ClientProcess> client_;
  std::vector<std::string> remove_at_end_;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_SSH_PROCESS_H_
