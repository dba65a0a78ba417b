#ifndef IRIS_AGENT_APP_DATA_DIR_H_
#define IRIS_AGENT_APP_DATA_DIR_H_

#include <string>

#include "absl/status/statusor.h"
#include "agent/app/options.h"
#include "agent/inventory/host_facts.h"
#include "common/base/scoped_fd.h"

namespace iris {

// Where the agent keeps what outlives it.
struct DataDir {
  std::string path;  // Absolute, ours, not writable by others.
  std::string log;   // host/agent.log
  // path/hosts/HOST_ID, 0700: a home may be shared by many hosts.
  std::string host;
  std::string sessions;  // host/sessions, 0700
};

// The data directory, made as needed: --data, else --home, else the first of $XDG_DATA_HOME/iris,
// ~/.local/share/iris and ~/.iris that will do. Reads the environment.
// FAILURE_STORAGE: none will do; says why for each.
absl::StatusOr<DataDir> OpenDataDir(const Options& options, const HostFacts& facts);

// The lock on DataDir::host, held for life besides the endpoint's. Two processes of one account may
// see different endpoints (a login brings /run/user/UID, an environment its own XDG_RUNTIME_DIR);
// whatever they see, one agent keeps one directory. Not valid where the file system has no locks.
// AlreadyExists: another agent holds it.
absl::StatusOr<ScopedFd> LockDataDir(const DataDir& data);

// The holder of `lock` notes the socket at which it listens; "" where none is noted.
void NoteSocket(const ScopedFd& lock, const std::string& socket);
std::string NotedSocket(const DataDir& data);

}  // namespace iris

#endif  // IRIS_AGENT_APP_DATA_DIR_H_
