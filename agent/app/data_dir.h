#ifndef IRIS_AGENT_APP_DATA_DIR_H_
#define IRIS_AGENT_APP_DATA_DIR_H_

#include <string>

#include "absl/status/statusor.h"
#include "agent/app/options.h"
#include "agent/inventory/host_facts.h"

namespace iris {

// Where the agent keeps what outlives it.
struct DataDir {
  std::string path;  // Absolute, ours, not writable by others.
  std::string log;   // host/agent.log
  std::string lock;  // host/agent.lock
  // path/hosts/HOST_ID, 0700: a home may be shared by many hosts.
  std::string host;
  std::string sessions;  // host/sessions, 0700
};

// The data directory, made as needed: --data, else --home, else the first of $XDG_DATA_HOME/iris,
// ~/.local/share/iris and ~/.iris that will do. Reads the environment.
// FAILURE_STORAGE: none will do; says why for each.
absl::StatusOr<DataDir> OpenDataDir(const Options& options, const HostFacts& facts);

}  // namespace iris

#endif  // IRIS_AGENT_APP_DATA_DIR_H_
