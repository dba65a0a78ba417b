#ifndef IRIS_AGENT_APP_DATA_DIR_H_
#define IRIS_AGENT_APP_DATA_DIR_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/app/options.h"
#include "agent/handover/handover.pb.h"
#include "agent/inventory/host_facts.h"

namespace iris {

// Where the agent keeps what outlives it.
struct DataDir {
  std::string path;  // Absolute, ours, not writable by others.
  std::string log;   // host/agent.log
  std::string lock;  // host/agent.lock
  // path/hosts/PLACE, 0700: a home may be shared by many hosts (agent/app/host_folder.h).
  std::string host;
  std::string sessions;           // host/sessions, 0700
  std::vector<std::string> news;  // For the log: what became of folders on the way.
  std::string host_id;            // As in Hello; empty until it is settled, behind the lock.
};

// The data directory, made as needed: --data, else --home, else the first of $XDG_DATA_HOME/iris,
// ~/.local/share/iris and ~/.iris that will do. Reads the environment.
// `host` is there then, and neither `sessions` nor who this host is: that is for whoever locks it.
// FAILURE_STORAGE: none will do; says why for each.
absl::StatusOr<DataDir> OpenDataDir(const Options& options, const HostFacts& facts);

// The one whose DataDir::host was `host`, also where this host has another name by now: an agent
// that becomes a newer build keeps its folder. FAILURE_STORAGE: it is gone, and cannot be made
// again.
absl::StatusOr<DataDir> ReopenDataDir(const std::string& host);

// Where the program that hands over kept what it has, with who it said this host is. One from
// before there were records says neither: its folder is the one that its data lock lies in, also
// where this host was renamed meanwhile, and the folder's name is the host's id. (Where the file
// system has no locks: the folder of our place.) FAILURE_STORAGE: as above.
absl::StatusOr<DataDir> DataDirOf(const handover::Agent& before, const Options& options,
                                  const HostFacts& facts);

}  // namespace iris

#endif  // IRIS_AGENT_APP_DATA_DIR_H_
