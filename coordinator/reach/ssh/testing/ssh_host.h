#ifndef IRIS_COORDINATOR_REACH_SSH_TESTING_SSH_HOST_H_
#define IRIS_COORDINATOR_REACH_SSH_TESTING_SSH_HOST_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/scoped_fd.h"
#include "common/testing/scratch_dir.h"
#include "coordinator/reach/ssh/ssh_connect.h"

namespace iris {

// A real sshd on a free loopback port, for the user that runs the test (who has to be root: sshd's
// wish), with keys and a home of its own. Ended with its sessions by the destructor. Aborts when it
// cannot start.
class SshHost {
 public:
  // `config`: further lines of sshd_config.
  explicit SshHost(const std::vector<std::string>& config = {});
  ~SshHost();
  SshHost(const SshHost&) = delete;
  SshHost& operator=(const SshHost&) = delete;

  // Logs in: the key fits, the host key is known, ~/.ssh/config is not read.
  SshTarget Target() const;
  // The home of the account there.
  std::string home() const { return scratch_.File("home"); }
  // The files of the client: key, known_hosts, ssh_config (all may be rewritten).
  std::string ClientFile(const std::string& name) const { return scratch_.File(name); }
  int port() const { return port_; }
  // How often sshd's log holds `words` by now.
  int LogCount(const std::string& words) const;
  // Ends every connection, as a reboot would.
  void EndSessions();

 private:
  void Start(const std::vector<std::string>& config);

  const ScratchDir scratch_;
  int port_ = 0;
  pid_t pid_ = -1;
};

// Processes (zombies too) that this one started and whose program is `name`.
int OwnChildren(const std::string& name);

// A port on 127.0.0.1 that refuses connections: taken, so that nobody else comes to listen there.
class RefusingPort {
 public:
  RefusingPort();
  int number() const { return number_; }

 private:
  const ScopedFd fd_;
  int number_ = 0;
};

}  // namespace iris

#endif  // IRIS_COORDINATOR_REACH_SSH_TESTING_SSH_HOST_H_
