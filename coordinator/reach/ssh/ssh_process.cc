#include "coordinator/reach/ssh/ssh_process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/failure/exhausted.h"
#include "common/failure/failure.h"

namespace iris {
namespace {

// Its read end. ssh closes every descriptor that it inherits, so a pipe will not do.
absl::StatusOr<ScopedFd> MakeFifo(const std::string& path) {
  ScopedFd fd;
  if (mkfifo(path.c_str(), 0600) == 0)
    fd.Reset(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (fd) return fd;
  const int error = errno;
  unlink(path.c_str());
  const std::string what = absl::StrCat("no pipe for ssh's log at ", path);
  return IsExhausted(error)
             ? Exhausted(error, what)
             : MakeFailure(v1::FAILURE_STORAGE, absl::StrCat(what, ": ", strerror(error)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SshProcess>> SshProcess::Start(const std::vector<std::string>& argv,
                                                              const std::vector<std::string>& env,
                                                              const std::string& log_path) {
  absl::StatusOr<ScopedFd> log = MakeFifo(log_path);
  if (!log.ok()) return log.status();
  ClientProcess::Options options = {
      .name = "ssh", .argv = argv, .env = env, .noted = std::string(kLoggedInLine)};
  options.further.push_back(*std::move(log));
  absl::StatusOr<std::unique_ptr<ClientProcess>> client = ClientProcess::Start(std::move(options));
  if (!client.ok()) {
    unlink(log_path.c_str());
    return client.status();
  }
  std::unique_ptr<SshProcess> ssh(new SshProcess(*std::move(client)));
  ssh->RemoveAtEnd(log_path);
  return ssh;
}

SshProcess::~SshProcess() {
  client_.reset();
  for (const std::string& path : remove_at_end_) unlink(path.c_str());
}

SshEnd SshProcess::End(ClientStage stage, std::string noise) {
  SshEnd end;
  end.stage = stage;
  end.exit_code = client_->AwaitEnd();
  end.logged_in = logged_in();
  end.log = log();
  end.stderr_text = said();
  end.noise = std::move(noise);
  return end;
}

}  // namespace iris
