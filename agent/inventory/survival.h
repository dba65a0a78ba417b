#ifndef IRIS_AGENT_INVENTORY_SURVIVAL_H_
#define IRIS_AGENT_INVENTORY_SURVIVAL_H_

#include <string>

namespace iris {

// Whether this process, detached as it is (setsid), outlives the end of the user's last login.
// Reads /proc/self/cgroup and logind's configuration below `root` ("" = the host's own):
//
//   in a login session's scope      yes, unless logind.conf says KillUserProcesses=yes
//   in the user's service manager   only where the account lingers
//   anywhere else (no systemd, a container, a service, a batch job)    yes
bool SurvivesLogout(const std::string& root, const std::string& user);

}  // namespace iris

#endif  // IRIS_AGENT_INVENTORY_SURVIVAL_H_
