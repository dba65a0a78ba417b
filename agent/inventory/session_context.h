#ifndef IRIS_AGENT_INVENTORY_SESSION_CONTEXT_H_
#define IRIS_AGENT_INVENTORY_SESSION_CONTEXT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace iris {

class AuthLinks;
class SlowWork;

// What every session of one agent life has in common.
struct SessionContext {
  std::string incarnation;  // UUID of this life.
  std::string host_id;      // As in Hello; tells hosts apart that share a home.
  std::string boot_id;
  std::string pid_namespace;
  std::string hostname;        // For people.
  std::string user;            // The account's name, for people; empty: unknown.
  std::string keeper_program;  // Absolute path of this binary, started as `keeper` (agent/process).
  std::string home;            // The account's home directory, for ~/ paths.
  std::string sessions_dir;    // Absolute; holds a directory for every session. Exists.
  bool sessions_on_network = false;  // It lies on a network file system, where locks may lie.
  // Whether what a path leads to lies on a network file system, which may hang; this does not.
  // Null: nothing does.
  std::function<bool(const std::string& path)> is_on_network;
  // How long a child of an earlier agent may take to finish its turn.
  absl::Duration drain_max = absl::Minutes(10);
  // How long what claude asks may wait for an answer; then it is no.
  absl::Duration request_patience = absl::Hours(24);
  // Searched for claude after PATH and the places in the home.
  std::vector<std::string> program_dirs = {"/usr/local/bin",
                                           "/usr/bin",
                                           "/bin",
                                           "/opt/homebrew/bin",
                                           "/home/linuxbrew/.linuxbrew/bin",
                                           "/run/current-system/sw/bin",
                                           "/nix/var/nix/profiles/default/bin",
                                           "/snap/bin"};
  // How old what this host keeps has become (HostAge). Null: it does not grow old.
  std::function<absl::Duration()> host_age;
  // The environment that children start from ("NAME=value"), before scrubbing and the team's `env`.
  std::vector<std::string> child_env;
  // Where the ssh agents are that connections lend; not owned. Null: children get the connections'
  // own sockets.
  AuthLinks* auth_links = nullptr;
  // Does what may block; not owned. Null: whoever has it to do, at once.
  SlowWork* slow_work = nullptr;
};

}  // namespace iris

#endif  // IRIS_AGENT_INVENTORY_SESSION_CONTEXT_H_
